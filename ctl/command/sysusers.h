#ifndef CTL_COMMAND_SYSUSERS_H
#define CTL_COMMAND_SYSUSERS_H

#include <skalibs/stralloc.h>

/*
 * The system users that services have of their own in a bundle that root starts (user in services/contract/service.h).
 * examples/sysusers/mailctl.conf, for the package, has the same.
 */

/* Appends the names of those that this machine has not, blanks between, no NUL. 0, or -1 and errno (ENOMEM). */
extern int sysusers_missing(stralloc *names);
/*
 * Makes those that are missing, by systemd-sysusers(8), or where that is not there by useradd(8). Says what goes wrong.
 * 0, or -1.
 */
extern int sysusers_make(void);

#endif
