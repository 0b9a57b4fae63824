$(eval $(call library,services/tcplisten,spawn.c))
$(eval $(call program,libexec/mailctl/tcplisten,services/tcplisten/tcplisten.c,services/tcplisten runlib/tcp,))
