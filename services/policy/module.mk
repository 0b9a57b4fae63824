$(eval $(call library,services/policy/spf,check.c field.c macro.c name.c term.c))
# service.c, settings.c and list.c are what mailctl links; the rest is policyd's.
POLICY := answer.c client.c command.c conclude.c dnslist.c greylist.c judge.c list.c lists.c names.c resolve.c server.c \
  service.c settings.c store.c
$(eval $(call library,services/policy,$(POLICY)))
$(eval $(call program,libexec/mailctl/policyd,services/policy/policyd.c,services/policy services/policy/spf,-lcares -llmdb))
$(eval $(call program,bin/spf,services/policy/spf.c,services/policy services/policy/spf,-lcares))
$(eval $(call tool,tests/tools/spf-suite.c,services/policy/spf))
$(eval $(call fuzz,tests/fuzz/spf.c,services/policy/spf))
$(eval $(call fuzz,tests/fuzz/policy-answer.c,services/policy services/policy/spf))
$(eval $(call tool,tests/bench/policystore.c,services/policy,-llmdb))
# A peer that is measured, where it is there.
ifneq ($(wildcard /usr/include/spf2/spf.h),)
$(eval $(call tool,tests/bench/spfpeer.c,,-lspf2))
endif
$(eval $(call unit,tests/unit/policy.c,services/policy services/policy/spf,-lcares -llmdb))
