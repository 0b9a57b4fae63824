$(eval $(call library,services/tls,cert.c check.c confine.c context.c crew.c fdpass.c generation.c keeper.c places.c pool.c random.c relay.c report.c request.c service.c settings.c ticket.c title.c worker.c))
$(eval $(call program,libexec/mailctl/tlsd,services/tls/tlsd.c,services/tls,-lssl -lcrypto))
$(eval $(call tool,tests/tools/tlsrun.c))
