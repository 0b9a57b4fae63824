$(eval $(call library,services/dkim,canon.c keycommands.c keys.c service.c sign.c))
$(eval $(call program,libexec/mailctl/dkim,services/dkim/dkim.c,services/dkim,-lcrypto $(WITHIN) $(WITHOUT)))
$(eval $(call unit,tests/unit/dkim.c,services/dkim,-lcrypto))
$(eval $(call fuzz,tests/fuzz/dkim.c,services/dkim,-lcrypto))
