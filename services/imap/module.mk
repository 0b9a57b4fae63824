# No daemon of ours: Dovecot, configured.
$(eval $(call library,services/imap,check.c dovecot.c service.c))
