# No daemon: what mailctl tells of the DNS. The program that asks it is in services/remote, with the resolver.
$(eval $(call library,services/dns,service.c))
