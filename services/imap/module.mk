# Dovecot, configured; and its log, read.
$(eval $(call library,services/imap,check.c dovecot.c logline.c service.c))
$(eval $(call program,libexec/mailctl/imap-log,services/imap/imap-log.c,services/imap))
$(eval $(call unit,tests/unit/logline.c,services/imap))
$(eval $(call fuzz,tests/fuzz/people.c,services/imap))
