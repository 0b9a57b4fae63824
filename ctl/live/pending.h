#ifndef CTL_LIVE_PENDING_H
#define CTL_LIVE_PENDING_H

#include <skalibs/tai.h>

#include <services/contract/service.h>

/*
 * STATE/confirm: a generation that is kept only if somebody confirms it, as text: `back N`, `deadline @TAI64N`. While it is
 * there, s6 runs `mailctl confirm --watch` as RUN/service/confirm, which goes back: so neither a mailctl that is killed nor a
 * boot, whose `up` starts it again, forgets it.
 */

typedef struct pending_s pending;
struct pending_s
{
  unsigned int back; /* the generation to go back to */
  tain deadline;     /* wall clock */
};

/* 0, or -1 and errno (ENOENT: nothing is to be confirmed; EINVAL: damaged). */
extern int pending_read(pending *p, char const *state);
/* Written in one step, and synced, before STATE/current is switched. 0, or -1 and errno. */
extern int pending_write(char const *state, pending const *p);
extern int pending_remove(char const *state);
/*
 * Where something is to be confirmed, has the s6-svscan that runs on scandir run who watches it: the mailctl in bin. 0, or
 * -1 and errno.
 */
extern int pending_watch(bundle const *b, char const *scandir);

#endif
