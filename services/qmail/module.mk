$(eval $(call library,services/qmail,service.c))
