# mailctl links service.c of this archive; libcrypt comes in with hash.c alone.
$(eval $(call library,services/auth,hash.c service.c))
$(eval $(call program,libexec/mailctl/checkpassword-file,services/auth/checkpassword-file.c,services/auth,-lcrypt))
$(eval $(call unit,tests/unit/auth.c,services/auth ctl/command ctl services/contract,-lcrypt))
