SMTPD := asks.c base64.c budget.c changes.c check.c child.c client.c confined.c control.c data.c draft.c fields.c filter.c filtering.c \
  fixup.c fixup-address.c health.c listen.c macros.c message.c milter.c milterlink.c milterscan.c options.c ownip.c packet.c path.c \
  pluginrun.c plugins.c policy.c policyscan.c queue.c queuereply.c received.c log.c recipients.c reply.c sasl.c senders.c serve.c \
  servers.c service.c session.c \
  spp.c transaction.c host.c worldmilters.c
$(eval $(call library,services/smtpd,$(SMTPD)))
# Its start is most of what a short session costs, and half of that is the dynamic linker.
$(eval $(call program,libexec/mailctl/smtpd,services/smtpd/smtpd.c,services/smtpd runlib/tcp))
$(eval $(call static,libexec/mailctl/smtpd))
$(eval $(call tool,tests/tools/takenover.c,services/smtpd runlib/tcp))
$(eval $(call unit,tests/unit/smtpd.c,services/smtpd))
$(eval $(call unit,tests/unit/fixup.c,services/smtpd))
$(eval $(call unit,tests/unit/milter.c,services/smtpd))
$(eval $(call fuzz,tests/fuzz/fixup.c,services/smtpd))
$(eval $(call unit,tests/unit/smtpd-spp.c,services/smtpd))
$(eval $(call unit,tests/unit/smtpd-memory.c,services/smtpd))
$(eval $(call fuzz,tests/fuzz/smtpd-session.c,services/smtpd))
$(eval $(call fuzz,tests/fuzz/smtpd-plugin.c,services/smtpd))
$(eval $(call fuzz,tests/fuzz/smtpd-policy.c,services/smtpd))
$(eval $(call fuzz,tests/fuzz/smtpd-milter.c,services/smtpd))
# Nearly all comparisons are of single bytes, whose tracing is a third of the time and finds nothing that branches do not.
ifneq ($(findstring fuzzer,$(SANITIZE)),)
$(call objects,$(addprefix services/smtpd/,$(SMTPD))): private CPPFLAGS += -fno-sanitize-coverage=trace-cmp
endif
# A session of all commands takes 100 bytes. The entropic schedule prefers the longest, which takes twice the time.
FUZZ_OPTIONS_smtpd-session := -max_len=192 -entropic=0
FUZZ_OPTIONS_smtpd-plugin := -max_len=256
FUZZ_OPTIONS_smtpd-milter := -max_len=256
