#ifndef SERVICES_SPOOL_SPOOL_H
#define SERVICES_SPOOL_SPOOL_H

#include <skalibs/stralloc.h>

#include <services/service.h>

/* The embedded spool's folders, for the services that queue, count or report. */

/* Whether the bundle has the embedded spool: mta = embedded, and somebody who queues or a section [spool]. */
extern int spool_present(bundle const *b);
/* Appends the absolute name of SPOOL, of SPOOL/todo and so on with `below` "/todo", and a NUL. 0, or -1 and errno. */
extern int spool_path(stralloc *path, bundle const *b, char const *below);
/* The same for the folder of the Maildirs. */
extern int spool_mail(stralloc *path, bundle const *b, char const *below);

#endif
