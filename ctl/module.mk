# What mailctl knows of the services: every services/NAME/service.c, each in its directory's archive, and the
# list of them, gen/kinds.c. Programs that need it are linked with $(KINDS), behind $(CTL).
KINDS := services/contract gen $(addprefix services/,$(SERVICE_FOLDERS)) services/contract
$(eval $(call library,gen,kinds.c))

# The steps of the line, from the last to the first: each calls those behind it (doc/architecture.md).
STEPS := command dashboard status machine live plan conf
CTL   := $(addprefix ctl/,$(STEPS)) ctl runlib/tcp
CONF  := ctl/conf ctl services/contract
MAINS := ctl/dashboard/dashboard.c ctl/conf/conftables.c ctl/status/fieldtables.c
$(foreach s,$(STEPS),$(eval $(call library,ctl/$(s),$(notdir $(filter-out $(MAINS),$(wildcard ctl/$(s)/*.c))))))
$(eval $(call library,ctl,words.c))
$(eval $(call program,bin/mailctl,ctl/mailctl.c,$(CTL) $(KINDS),$(WITHIN) -linih -ls6 -ljansson $(WITHOUT)))
# The live dashboard is a program of its own: mailctl starts in a millisecond, and with ncurses it would not.
$(eval $(call program,libexec/mailctl/dashboard,ctl/dashboard/dashboard.c,$(CTL) $(KINDS),-linih -ls6 -ljansson -lncursesw -ltinfo))
$(eval $(call installs,0644,$(sort $(wildcard doc/screens/*.txt doc/screens/*.svg)),share/doc/mailctl/screens))
$(eval $(call unit,tests/unit/conf.c,$(CONF),-linih))
$(eval $(call unit,tests/unit/reach.c,ctl/machine ctl/live ctl/plan ctl/conf ctl services/contract,-linih -ls6))
$(eval $(call unit,tests/unit/transition.c,ctl/live services/contract))
$(eval $(call unit,tests/unit/plan.c,ctl/plan ctl/conf ctl services/contract,-linih))
$(eval $(call unit,tests/unit/generation.c,ctl/plan services/contract))
$(eval $(call unit,tests/unit/current.c,ctl/live services/contract))
$(eval $(call unit,tests/unit/orphan.c,ctl/live runlib/tcp services/contract))
$(eval $(call unit,tests/unit/dash.c,$(CTL) services/contract,-linih -ls6 -ljansson))
$(eval $(call unit,tests/unit/snapshot.c,$(CTL) services/contract,-linih -ls6 -ljansson))
$(eval $(call unit,tests/unit/confmemory.c,$(CONF),-linih))
$(eval $(call fuzz,tests/fuzz/archive.c,$(CTL) $(KINDS),-linih -ls6 -ljansson))
$(eval $(call fuzz,tests/fuzz/conf.c,ctl/plan ctl/conf ctl $(KINDS),-linih))

# mailctl.conf(5), with every section and key in it.
$(eval $(call program,gen/conftables,ctl/conf/conftables.c,ctl/conf ctl $(KINDS),-linih))
all: $(B)/doc/mailctl.conf.5
MADE_MANUALS += $(B)/doc/mailctl.conf.5
$(B)/doc/mailctl.conf.5: doc/mailctl.conf.5 $(B)/gen/conftables
	@mkdir -p $(@D)
	@$(B)/gen/conftables <$< >$@.new && mv $@.new $@
	@echo "  doc   $@"

# mailctl-status(5), with every field in it.
$(eval $(call program,gen/fieldtables,ctl/status/fieldtables.c,$(CTL) $(KINDS),-linih -ls6 -ljansson))
all: $(B)/doc/mailctl-status.5
MADE_MANUALS += $(B)/doc/mailctl-status.5
$(B)/doc/mailctl-status.5: doc/mailctl-status.5 $(B)/gen/fieldtables
	@mkdir -p $(@D)
	@$(B)/gen/fieldtables <$< >$@.new && mv $@.new $@
	@echo "  doc   $@"

# Completions, made from the table of commands.
COMPLETIONS := $(B)/share/bash-completion/completions/mailctl $(B)/share/zsh/site-functions/_mailctl
all: $(COMPLETIONS)
$(COMPLETIONS): ctl/completions.sh $(B)/bin/mailctl
	@mkdir -p $(@D)
	@ctl/completions.sh $(B)/bin/mailctl $(if $(findstring bash,$@),bash,zsh) >$@.new && mv $@.new $@
	@echo "  gen   $@"
$(eval $(call installs,0644,$(word 1,$(COMPLETIONS)),share/bash-completion/completions))
$(eval $(call installs,0644,$(word 2,$(COMPLETIONS)),share/zsh/site-functions))

# The service directories that a configuration becomes, for tests/golden/plan.
$(eval $(call tool,tests/tools/plandump.c,ctl/plan ctl/conf ctl $(KINDS),-linih))
