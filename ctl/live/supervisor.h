#ifndef CTL_LIVE_SUPERVISOR_H
#define CTL_LIVE_SUPERVISOR_H

#include <skalibs/tai.h>

#include <services/contract/service.h>

/*
 * The s6-svscan of a bundle, on the scan directory RUN/service. It starts on an empty one, with a logger
 * of its own (s6-svscan-log, LOG/supervisor) for what it and the loggers say; TERM and INT make it run
 * `mailctl down`, so that everything stops in order whoever sends them.
 */

/* Its scan directory. 0, or -1 and ENOMEM. */
extern int supervisor_scandir(stralloc *sa, bundle const *b);
/* Starts it in the background, in a session of its own, and waits until it listens. 0, or -1 and errno. */
extern int supervisor_start(bundle const *b, tain const *deadline, tain *stamp);
/* Becomes it, in the foreground; what it says itself goes to stderr. Returns only on failure: -1 and errno. */
extern int supervisor_become(bundle const *b);
/* Tells one that runs where mailctl and the bundle are now: either may have been moved. 0, or -1 and errno. */
extern int supervisor_refresh(bundle const *b);
/* Tells it to end, and waits for that. All services should be down. 0, or -1 and errno (ETIMEDOUT). */
extern int supervisor_stop(bundle const *b, tain const *deadline, tain *stamp);

#endif
