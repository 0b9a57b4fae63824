$(eval $(call library,services/tcplisten,endpoint.c environ.c listener.c options.c server.c sessions.c spawn.c))
$(eval $(call program,libexec/mailctl/tcplisten,services/tcplisten/tcplisten.c,services/tcplisten,))
$(eval $(call unit,tests/unit/tcplisten.c,services/tcplisten))
