# Each file here but kit.c is a plugin: a program of its own, linked with the kit and runlib.
# Each runs once an SMTP command, so what counts is its start: linked statically, a plugin takes 0.5 ms here,
# with shared libraries 0.8, in dash 0.8, in bash 1.4 (tests/bench/plugins.sh).
$(eval $(call library,services/plugins,kit.c))

plugin = $(call program,libexec/mailctl/plugins/$(1),services/plugins/$(1).c,services/plugins)

$(foreach p,$(filter-out kit,$(basename $(notdir $(wildcard services/plugins/*.c)))),\
  $(eval $(call plugin,$(p)))$(eval $(call static,libexec/mailctl/plugins/$(p))))
$(eval $(call unit,tests/unit/plugins.c,services/plugins))

# The classics that rate stands in for under their own names.
RATE_LINKS := $(addprefix $(B)/libexec/mailctl/plugins/,ipthrottle userthrottle)
all: $(RATE_LINKS)
$(RATE_LINKS): $(B)/libexec/mailctl/plugins/rate
	@ln -sf $(<F) $@
$(eval $(call installs,0755,$(RATE_LINKS),libexec/mailctl/plugins))
