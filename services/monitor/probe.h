#ifndef SERVICES_MONITOR_PROBE_H
#define SERVICES_MONITOR_PROBE_H

#include <errno.h>
#include <stdint.h>
#include <sys/types.h>

#include "measure.h"

/*
 * A process for each queue, which looks at it when asked and answers over a socket. A directory that is slow or
 * hangs holds up nobody but the process that reads it: the flag keeps its heartbeat, and the other queues are measured.
 */

/* ms: for so long the last look counts while the next is not done. Then the queue is unknown: ETIMEDOUT. */
#define PROBE_PATIENCE 60000

typedef struct probe_s probe;
struct probe_s
{
  pid_t pid;      /* 0: there is no process */
  int fd;         /* its socket */
  int asked;      /* 1: it looks, and has not answered */
  uint64_t since; /* ms: when it was asked */
};

typedef struct probes_s probes;
struct probes_s
{
  probe of[QUEUES_MAX];
  queue_look looks[QUEUES_MAX]; /* the last of each queue */
};

/* No queue was seen yet. */
extern void probes_init(probes *p);
/* Asks for a look at each queue that is not being looked at. Starts processes where there are none. now: a stopwatch's ms. */
extern void probes_ask(probes *p, measure const *m, uint64_t now);
/* Takes the answers that are there, without waiting, and reaps processes that died. Returns 1 if no answer is due any more. */
extern int probes_take(probes *p, measure const *m, uint64_t now);
/* Ends all processes, however busy they are. */
extern void probes_end(probes *p);

#endif
