# Each file here but kit.c is a plugin: a program of its own, linked with the kit and runlib.
# Each runs once an SMTP command, so what counts is its start: with musl a plugin takes 0.15 ms of processor time
# here, with glibc linked statically 0.5, in dash 0.8, in bash 1.5 (tests/bench/plugins.sh).
$(eval $(call library,services/plugins,kit.c))

PLUGIN := services/plugins/kit.c $(addprefix runlib/,clock.c enhanced.c field.c overload.c rater.c utf8.c walk.c)
$(foreach p,$(filter-out kit,$(basename $(notdir $(wildcard services/plugins/*.c)))),\
  $(eval $(call short,libexec/mailctl/plugins/$(p),services/plugins/$(p).c,$(PLUGIN))))
$(eval $(call unit,tests/unit/plugins.c,services/plugins))

# The classics that rate stands in for under their own names.
RATE_LINKS := $(addprefix $(B)/libexec/mailctl/plugins/,ipthrottle userthrottle)
all: $(RATE_LINKS)
$(RATE_LINKS): $(B)/libexec/mailctl/plugins/rate
	@ln -sf $(<F) $@
$(eval $(call installs,0755,$(RATE_LINKS),libexec/mailctl/plugins))
