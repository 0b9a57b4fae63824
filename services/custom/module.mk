$(eval $(call library,services/custom,service.c))
