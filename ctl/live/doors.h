#ifndef CTL_LIVE_DOORS_H
#define CTL_LIVE_DOORS_H

#include <services/contract/service.h>

/*
 * RUN/doors: where the listeners' sockets and sessions go on while their daemon is away (runlib/tcp/standby.h). A
 * service's finish script closes its door; here is what is done when there is none left that could.
 */

/* Whether the service of this name has one. */
extern int doors_has(bundle const *b, char const *name);
/* Closes all, and waits for their sessions, which have [bundle] drain. Said to stderr. 0, or -1 and errno (ETIMEDOUT). */
extern int doors_close(bundle const *b);

#endif
