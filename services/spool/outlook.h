#ifndef SERVICES_SPOOL_OUTLOOK_H
#define SERVICES_SPOOL_OUTLOOK_H

#include <services/spool/sender.h>

/*
 * What spool-send tells of the mail that waits: the gauges remote.deferred and remote.oldest, and the destinations that fail,
 * those with the most messages first, in the file `destinations` beside its counters: lines `HOST MESSAGES FAILURES UNTIL`,
 * UNTIL being when it is tried again, in seconds since 1970.
 */
typedef struct outlook_s outlook;
struct outlook_s
{
  char const *file; /* 0: nobody wants to know */
  uint64_t next;    /* not before; microseconds since 1970 */
  uint32_t said;    /* a hash of what the file has */
};

/* counters: the name of that file; it must live on. */
extern void outlook_init(outlook *o, char const *counters);
/*
 * Looks at all that waits, at most each five seconds: it takes time by how much that is. Returns when to call it again: it
 * was too early; UINT64_MAX: when something has changed.
 */
extern uint64_t outlook_take(outlook *o, sender *s, uint64_t now);

#endif
