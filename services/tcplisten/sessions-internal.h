#ifndef TCPLISTEN_SESSIONS_INTERNAL_H
#define TCPLISTEN_SESSIONS_INTERNAL_H

#include <sys/types.h>

#include "endpoint-internal.h"

/*
 * The running programs and whom each serves. Two dense arrays that are searched from end to end: at
 * some hundred sessions that costs less than a tree, and far less than the fork that goes with it.
 */
typedef struct sessions_s sessions;
struct sessions_s
{
  pid_t *pids;
  endpoint *peers;
  client *clients;
  unsigned int n;
  unsigned int max;
};
#define SESSIONS_ZERO                                                                                        \
  {                                                                                                          \
    .pids = 0, .peers = 0, .clients = 0, .n = 0, .max = 0                                                    \
  }

/* Returns 0, or -1 and ENOMEM. */
extern int sessions_init(sessions *s, unsigned int max);
extern void sessions_free(sessions *s);
/* How many of them serve this client. */
extern unsigned int sessions_count(sessions const *s, client const *c);
/* Needs s->n < s->max. */
extern void sessions_add(sessions *s, pid_t pid, endpoint const *peer);
/* Forgets pid and copies its peer out. Returns 1, or 0 if there is no such session. */
extern int sessions_remove(sessions *s, pid_t pid, endpoint *peer);

#endif
