#ifndef TLS_CREW_INTERNAL_H
#define TLS_CREW_INTERNAL_H

#include <sys/types.h>

/* A pool's workers. Pure bookkeeping: forks and kills nothing. */

typedef struct crew_s crew;
struct crew_s
{
  pid_t *list; /* the busy ones first, then the waiting ones */
  unsigned int busy;
  unsigned int n;
  unsigned int max;
};

/* Room for max workers. Returns 0, or -1 and errno. */
extern int crew_init(crew *c, unsigned int max);
/* Adds a waiting worker. Returns 0, or -1 if there is no room. */
extern int crew_add(crew *c, pid_t pid);
/* A waiting worker has become busy. An unknown pid, or one that is busy, changes nothing. */
extern void crew_took(crew *c, pid_t pid);
/* Forgets a worker. Returns 1 if it was busy, 0 if it waited, -1 if unknown. */
extern int crew_remove(crew *c, pid_t pid);

#endif
