# mailctl links passwd.c and service.c of this archive; libcrypt comes in with hash.c alone.
$(eval $(call library,services/auth,hash.c passwd.c service.c users.c usersfile.c))
$(eval $(call program,libexec/mailctl/checkpassword-file,services/auth/checkpassword-file.c,services/auth,-lcrypt))
$(eval $(call unit,tests/unit/auth.c,services/auth services,-lcrypt))
