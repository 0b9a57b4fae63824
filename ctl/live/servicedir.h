#ifndef CTL_LIVE_SERVICEDIR_H
#define CTL_LIVE_SERVICEDIR_H

#include <skalibs/stralloc.h>

#include <services/contract/service.h>

/*
 * RUN/servicedirs/NAME: a real directory, where s6 keeps supervise/ and event/; all else in it is a symlink
 * through STATE/current/NAME, so that switching that one link changes what the next start runs.
 */

/* Replaces *sa with RUN/servicedirs/NAME and a NUL; suffix "/log" for its logger, or "". 0, or -1 and ENOMEM. */
extern int servicedir_path(stralloc *sa, char const *run, char const *name, char const *suffix);
/* Makes the directory, or brings its links up to date with the generation behind STATE/current. 0, or -1 and errno. */
extern int servicedir_sync(bundle const *b, char const *name);
/* Removes the directory of a service that is no longer supervised. */
extern int servicedir_remove(bundle const *b, char const *name);
/* s6's permanent `down` file: the service stays down even after its s6-supervise was killed. */
extern int servicedir_hold(char const *dir, int down);

#endif
