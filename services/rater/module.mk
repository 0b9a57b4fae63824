# service.c and rules are what mailctl links; the rest is raterd's.
RATER_ENGINE := bucket.c glob.c net.c match.c rules.c table.c clock.c file.c request.c engine.c offenders.c reports.c
$(eval $(call library,services/rater,$(RATER_ENGINE) client.c server.c listen.c service.c))
$(eval $(call program,libexec/mailctl/raterd,services/rater/raterd.c,services/rater))
$(eval $(call unit,tests/unit/rater_bucket.c,services/rater))
$(eval $(call unit,tests/unit/rater_rules.c,services/rater))

# A command for shell scripts, run often: linked statically it starts in half the time.
OBJECTS += $(call objects,services/rater/show.c)
$(eval $(call program,bin/rater,services/rater/rater.c services/rater/show.c,,-ljansson))
$(if $(SANITIZE),,$(eval $(B)/bin/rater: BUILD_LDFLAGS := -static-pie -Wl,-z,relro,-z,now))
