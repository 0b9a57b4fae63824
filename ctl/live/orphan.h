#ifndef CTL_LIVE_ORPHAN_H
#define CTL_LIVE_ORPHAN_H

#include <skalibs/tai.h>

#include <services/contract/service.h>

/*
 * What kill -9 leaves: s6-supervise processes without their s6-svscan, and daemons without their
 * s6-supervise, which hold their ports. Known by recorded pid and start time; nobody else is signalled.
 */

/* The pid of a process that runs outside supervision as name (suffix ".log": its logger); 0: there is none. */
extern pid_t orphan_of(bundle const *b, char const *name, char const *suffix);
/* Whether pid is one of them, of whatever service. */
extern int orphan_is(bundle const *b, pid_t pid);
/* The names that RUN/servicedirs has, sorted (of char *, to be freed). 0, or -1 and errno (ENOENT: no RUN). */
extern int orphan_names(genalloc *names, bundle const *b);
/*
 * With no s6-svscan: stops services and takes down what s6-supervise still run. keep: listeners go on until they have a
 * successor. Said to stderr. An exit status.
 */
extern int orphan_end_supervisors(bundle const *b, int keep, tain *stamp);
/* Ends the daemons: TERM, and KILL after [bundle] drain. Said to stderr. 0, or -1 and errno (ETIMEDOUT). */
extern int orphan_end_daemons(bundle const *b, tain *stamp);

#endif
