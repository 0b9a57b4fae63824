# service.c and rules are what mailctl links; the rest is raterd's.
RATER_ENGINE := bucket.c glob.c net.c match.c rules.c rulescan.c table.c clock.c file.c request.c blocker.c engine.c window.c sharing.c shared.c sharedline.c sharedscript.c sharedurl.c policy.c offenders.c reports.c
$(eval $(call library,services/rater,$(RATER_ENGINE) client.c clientwait.c server.c listen.c door.c options.c service.c))
$(eval $(call program,libexec/mailctl/raterd,services/rater/raterd.c,services/rater runlib/tcp,-lhiredis))
$(eval $(call unit,tests/unit/rater_bucket.c,services/rater))
$(eval $(call unit,tests/unit/rater_rules.c,services/rater))
$(eval $(call unit,tests/unit/rater_client.c,runlib))
$(eval $(call unit,tests/unit/rater_table.c,services/rater))
$(eval $(call unit,tests/unit/rater_server.c,services/rater,-lhiredis))
$(eval $(call fuzz,tests/fuzz/rater.c,services/rater,-lhiredis))
$(eval $(call unit,tests/unit/rater_shared.c,services/rater,-lhiredis))
$(eval $(call unit,tests/unit/rater_engine.c,services/rater,-lhiredis))

# A command for shell scripts, run often: its start is what it costs.
$(eval $(call short,bin/rater,services/rater/rater.c,runlib/rater.c))
$(eval $(call program,libexec/mailctl/rater-show,services/rater/show.c,,-ljansson))

# The client as a library for other people's programs; it needs the C library alone.
LIBRATER := $(addprefix $(B)/lib/,librater.a librater.so.0)
all: $(LIBRATER) $(B)/lib/pkgconfig/rater.pc $(B)/include/rater.h
$(B)/obj/runlib/rater-pic.o: runlib/rater.c runlib/rater.h $(B)/flags
	@mkdir -p $(@D)
	@$(FLAGS) -fPIC -c -o $@ $<
$(B)/lib/librater.a: $(B)/obj/runlib/rater-pic.o
$(B)/lib/librater.so.0: $(B)/obj/runlib/rater-pic.o
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(LDFLAGS) $(SANITIZE) -shared -Wl,-soname,$(@F) -Wl,-z,relro,-z,now -o $@ $<
	@ln -sf $(@F) $(B)/lib/librater.so
	@echo "  link  $@"
$(B)/lib/pkgconfig/rater.pc: services/rater/module.mk
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$${pcfiledir}/../..' 'Name: rater' 'Description: asks raterd how often things happen' \
	  'Version: $(VERSION)' 'Cflags: -I$${prefix}/include' 'Libs: -L$${prefix}/lib -lrater' >$@
$(B)/include/rater.h: runlib/rater.h
	@mkdir -p $(@D)
	@cp $< $@
$(eval $(call installs,0644,$(LIBRATER) $(B)/lib/librater.so,lib))
$(eval $(call installs,0644,$(B)/lib/pkgconfig/rater.pc,lib/pkgconfig))
$(eval $(call installs,0644,$(B)/include/rater.h,include))
