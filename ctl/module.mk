# What mailctl knows of the services: every services/NAME/service.c, each in its folder's archive, and the
# list of them. Programs that need it are linked with $(KINDS), behind ctl.
KINDS := gen $(addprefix services/,$(SERVICE_FOLDERS)) services
$(eval $(call library,gen,kinds.c))

$(eval $(call library,ctl,kinds.c suggest.c describe.c conf.c conf-parse.c conf-value.c conf-check.c bundle.c \
  plan.c order.c generation.c live.c transition.c transition-begin.c servicedir.c supervisor.c running.c orphan.c folder.c lock.c load.c \
  logs.c logfiles.c words.c notify.c progress.c holder.c port.c reach.c machine.c machine-services.c maker.c fact.c proctree.c \
  $(notdir $(wildcard ctl/snapshot*.c ctl/show-*.c ctl/dash-*.c ctl/screen*.c)) \
  gone.c grant.c granted.c up.c down.c run.c log.c history.c \
  history-command.c status.c plan-command.c init.c check.c passwd.c overload.c monitor.c))
$(eval $(call program,bin/mailctl,ctl/mailctl.c,ctl $(KINDS),$(WITHIN) -linih -ls6 -ljansson $(WITHOUT)))
# The live dashboard is a program of its own: mailctl starts in a millisecond, and with ncurses it would not.
$(eval $(call program,libexec/mailctl/dashboard,ctl/dash.c,ctl $(KINDS),-linih -ls6 -ljansson -lncursesw -ltinfo))
$(eval $(call installs,0644,$(sort $(wildcard doc/screens/*.txt)),share/doc/mailctl/screens))
$(eval $(call unit,tests/unit/conf.c,ctl services,-linih))
$(eval $(call unit,tests/unit/reach.c,ctl))
$(eval $(call unit,tests/unit/dash.c,ctl services))
$(eval $(call unit,tests/unit/snapshot.c,ctl services,-linih -ls6 -ljansson))
$(eval $(call unit,tests/unit/confmemory.c,ctl services,-linih))
$(eval $(call fuzz,tests/fuzz/conf.c,ctl $(KINDS),-linih))

# mailctl.conf(5), with every section and key in it.
$(eval $(call program,gen/conftables,ctl/conftables.c,ctl $(KINDS),-linih))
all: $(B)/doc/mailctl.conf.5
MADE_MANUALS += $(B)/doc/mailctl.conf.5
$(B)/doc/mailctl.conf.5: doc/mailctl.conf.5 $(B)/gen/conftables
	@mkdir -p $(@D)
	@$(B)/gen/conftables <$< >$@.new && mv $@.new $@
	@echo "  doc   $@"

# mailctl-status(5), with every field in it.
$(eval $(call program,gen/facttables,ctl/facttables.c,ctl $(KINDS),-linih -ls6 -ljansson))
all: $(B)/doc/mailctl-status.5
MADE_MANUALS += $(B)/doc/mailctl-status.5
$(B)/doc/mailctl-status.5: doc/mailctl-status.5 $(B)/gen/facttables
	@mkdir -p $(@D)
	@$(B)/gen/facttables <$< >$@.new && mv $@.new $@
	@echo "  doc   $@"
