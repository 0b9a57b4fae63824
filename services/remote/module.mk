REMOTE := answer.c body.c conn.c delivery.c dns.c mx.c rdata.c reply.c serve.c service.c session.c settings.c sts.c tls.c transaction.c
$(eval $(call library,services/remote,$(REMOTE)))
$(eval $(call program,libexec/mailctl/remote,services/remote/remote.c,services/remote,-lcares -lssl -lcrypto $(WITHIN) $(WITHOUT)))
$(eval $(call program,libexec/mailctl/dnscheck,services/remote/dnscheck.c,services/remote,-lcares $(WITHIN) $(WITHOUT)))
$(eval $(call unit,tests/unit/remote.c,services/remote,-lcares -lssl -lcrypto))
$(eval $(call fuzz,tests/fuzz/remote.c,services/remote,-lcares))
