#ifndef SERVICES_SPOOL_MAILDIR_H
#define SERVICES_SPOOL_MAILDIR_H

#include <skalibs/stralloc.h>

/* Maildirs (https://cr.yp.to/proto/maildir.html). All return 0, or -1 and errno, unless they say otherwise. */

/* Makes path, with its tmp, new and cur; what is there already stays. Mode 0700. */
extern int maildir_make(char const *path);

/* Whether the directory `at` has a Maildir called name: 1, 0, or -1 and errno if it cannot be told. */
extern int maildir_exists(int at, char const *name);

/* Opens it: a descriptor for the calls below. */
extern int maildir_open(int at, char const *name);

/* Whether a message of this name was delivered before: it is in new/, or in cur/ with whatever flags. */
extern int maildir_has(int fd, char const *name);

/* Creates tmp/NAME for writing, or empties the one that a killed delivery left. Returns a descriptor. */
extern int maildir_create(int fd, char const *name);
/* Moves tmp/NAME, which is synced, to new/NAME. It stays there for certain after maildir_sync. */
extern int maildir_commit(int fd, char const *name);
extern int maildir_sync(int fd);
extern void maildir_abort(int fd, char const *name);

/* Appends host as Maildir names have it: `/` and `:` as \057 and \072. */
extern int maildir_host(stralloc *sa, char const *host);

#endif
