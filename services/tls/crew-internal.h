#ifndef TLS_CREW_INTERNAL_H
#define TLS_CREW_INTERNAL_H

#include <stdint.h>
#include <sys/types.h>

/* A pool's workers. Pure bookkeeping: forks and kills nothing. */

typedef struct member_s member;
struct member_s
{
  pid_t pid;
  int control;           /* -1 once it has its session */
  unsigned char key[16]; /* the client that it works for */
};

typedef struct crew_s crew;
struct crew_s
{
  member *list; /* the busy ones first, then the waiting ones */
  unsigned int busy;
  unsigned int n;
  unsigned int max;
};

/* Room for max members. Returns 0, or -1 and errno. */
extern int crew_init(crew *c, unsigned int max);
/* Adds a waiting worker. Returns -1 if there is no room. */
extern int crew_add(crew *c, pid_t pid, int control);
/* Sessions of this client. */
extern unsigned int crew_count(crew const *c, unsigned char const key[16]);
/* Gives a waiting worker the client; returns its control descriptor, now the caller's, or -1 if none waits. */
extern int crew_assign(crew *c, unsigned char const key[16]);
/* Forgets a worker. Returns 1 if it was busy, 0 if it waited (*control is the caller's to close), -1 if unknown. */
extern int crew_remove(crew *c, pid_t pid, int *control);

#endif
