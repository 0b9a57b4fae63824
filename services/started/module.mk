$(eval $(call program,libexec/mailctl/started,services/started/started.c))
