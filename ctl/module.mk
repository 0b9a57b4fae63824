$(eval $(call library,ctl,kinds.c suggest.c conf.c conf-value.c conf-check.c bundle.c))
$(eval $(call unit,tests/unit/conf.c,ctl services,-linih))
