#ifndef TLS_WORKERS_INTERNAL_H
#define TLS_WORKERS_INTERNAL_H

#include <sys/types.h>

/* A pool's workers. Pure bookkeeping: forks and kills nothing. */

typedef struct workers_s workers;
struct workers_s
{
  pid_t *list; /* the busy ones first, then the waiting ones */
  unsigned int busy;
  unsigned int n;
  unsigned int max;
};

/* Room for max workers. Returns 0, or -1 and errno. */
extern int workers_init(workers *c, unsigned int max);
/* Adds a waiting worker. Returns 0, or -1 if there is no room. */
extern int workers_add(workers *c, pid_t pid);
/* A waiting worker has become busy. An unknown pid, or one that is busy, changes nothing. */
extern void workers_took(workers *c, pid_t pid);
/* Forgets a worker. Returns 1 if it was busy, 0 if it waited, -1 if unknown. */
extern int workers_remove(workers *c, pid_t pid);

#endif
