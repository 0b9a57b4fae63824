$(eval $(call library,ctl,kinds.c suggest.c conf.c conf-value.c conf-check.c bundle.c \
  plan.c order.c generation.c live.c transition.c servicedir.c supervisor.c running.c folder.c lock.c load.c \
  logs.c words.c progress.c up.c down.c run.c log.c status.c plan-command.c))
$(eval $(call library,gen,kinds.c))
$(eval $(call program,bin/mailctl,ctl/mailctl.c,ctl gen $(addprefix services/,$(SERVICE_FOLDERS)) services,-linih -ls6))
$(eval $(call unit,tests/unit/conf.c,ctl services,-linih))
