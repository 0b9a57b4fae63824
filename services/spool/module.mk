$(eval $(call library,services/spool,deliver.c envelope.c failed.c maildir.c mapping.c message.c queue.c rules.c scan.c service.c spoolname.c))
$(eval $(call program,libexec/mailctl/spool-queue,services/spool/spool-queue.c,services/spool))
$(eval $(call program,libexec/mailctl/spool-deliver,services/spool/spool-deliver.c,services/spool))
$(eval $(call unit,tests/unit/spool.c,services/spool))
