$(eval $(call program,libexec/mailctl/probe,services/probe/probe.c services/probe/talk.c,,-lssl -lcrypto $(WITHIN) $(WITHOUT)))
