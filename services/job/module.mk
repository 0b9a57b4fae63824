$(eval $(call library,services/job,schedule.c service.c))
$(eval $(call program,libexec/mailctl/job,services/job/job.c services/job/mail.c,,$(WITHIN) $(WITHOUT)))
$(eval $(call unit,tests/unit/job.c,services/job services/contract))
