#ifndef CTL_LIVE_CONVERGE_H
#define CTL_LIVE_CONVERGE_H

#include <skalibs/stralloc.h>

#include <ctl/plan/generation.h>

/* Makes a generation live: the one way, whether it is new or an old one that somebody goes back to. */

typedef struct convergence_s convergence;
struct convergence_s
{
  bundle const *b;
  plan const *p;
  unsigned int number; /* of the generation that p is, which is on disk, and becomes the current one */
  int argc;            /* with names: only these services and what they need are started */
  char const *const *names;
  stralloc why; /* afterwards: the first service that failed, and how, and a NUL; empty where none did */
};

/*
 * The caller holds the lock. Returns 0 once every service is ready, or the exit status, with what went wrong on stderr.
 * It may be interrupted and begun again at any place.
 */
extern int converge(convergence *c);

#endif
