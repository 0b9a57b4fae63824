#ifndef SERVICES_AUTH_AUTH_H
#define SERVICES_AUTH_AUTH_H

#include <skalibs/stralloc.h>

#include <services/service.h>

/* What `mailctl passwd` and `init` hand to passwd_set. */

/* Appends the absolute name of [auth]'s file of users, with a NUL. Returns 0, or -1 and errno (ENOMEM). */
extern int auth_users_file(stralloc *path, bundle const *b);
/* The user whom the file belongs to; 0: whoever runs mailctl (the bundle does not run as root). */
extern char const *auth_users_owner(bundle const *b);

#endif
