$(eval $(call library,services/metrics,service.c))
$(eval $(call program,libexec/mailctl/metrics,services/metrics/metrics.c,))
