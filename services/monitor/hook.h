#ifndef SERVICES_MONITOR_HOOK_H
#define SERVICES_MONITOR_HOOK_H

#include <stdint.h>
#include <sys/types.h>

#include "thresholds.h"

/*
 * The commands that run when a level is entered or left. One at a time, never waited for: while one
 * runs, the level may move on, and afterwards the commands follow it step by step, 0 - 1 - 2, so that
 * what entering stopped, leaving starts again, each in its turn and none left out.
 */

typedef struct hook_s hook;
struct hook_s
{
  char const *enter[LEVELS]; /* execline text; 0: none */
  char const *leave[LEVELS];
  uint64_t timeout;  /* ms; then its process group gets TERM, and two seconds later KILL */
  unsigned int at;   /* the level that commands have been run for */
  pid_t pid;         /* of the running one, and its process group; 0: none runs */
  char const *name;  /* its command */
  uint64_t deadline; /* ms */
  unsigned int sent; /* 0 nothing, 1 TERM, 2 KILL */
  int failing;       /* the errno for which the next one cannot be started, which the log knows; 0: none */
};
#define HOOK_ZERO                                                                                            \
  {                                                                                                          \
    .enter = {0, 0}, .leave = {0, 0}, .timeout = 30000, .at = 0, .pid = 0, .name = 0, .sent = 0,             \
    .failing = 0                                                                                             \
  }

/* The level that comes next on the way from at to level. */
extern unsigned int hook_next(unsigned int at, unsigned int level);

/*
 * Starts what is due on the way to level. now: a stopwatch's ms. The command finds $OVERLOAD_LEVEL (the
 * level it is about), $OVERLOAD_EVENT (enter or leave) and $OVERLOAD_REASON. A failure is logged; one for
 * which the machine lacks something just now is tried again by the next call.
 */
extern void hook_run(hook *h, unsigned int level, char const *reason, uint64_t now);
/* Sends what is due to a command that runs for too long. */
extern void hook_expire(hook *h, uint64_t now);
/* After SIGCHLD: reaps it. */
extern void hook_reap(hook *h);

#endif
