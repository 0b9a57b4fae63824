$(eval $(call program,libexec/mailctl/started,services/lifecycle/started.c))
$(eval $(call program,libexec/mailctl/finished,services/lifecycle/finished.c,runlib/tcp,-ls6))
