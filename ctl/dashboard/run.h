#ifndef CTL_DASHBOARD_RUN_H
#define CTL_DASHBOARD_RUN_H

#include <sys/types.h>

#include <skalibs/stralloc.h>

/*
 * A command of mailctl that runs beside the dashboard, one at a time. What it says goes to a file in memory:
 * neither a dashboard that is suspended nor one that ended makes it wait or fail.
 */
typedef struct dash_run_s dash_run;
struct dash_run_s
{
  pid_t pid; /* 0: none runs */
  int fd;    /* of what it said; -1: there was none */
  int wstat; /* how it ended */
  char title[320];
  stralloc said;
};
#define DASH_RUN_ZERO                                                                                        \
  {                                                                                                          \
    .pid = 0, .fd = -1, .said = STRALLOC_ZERO                                                                \
  }

#define DASH_RUN_MAX 65536 /* bytes that are shown of what it says */

/* Starts BIN/mailctl -c FILE WORDS. 0, or -1 and errno (EBUSY: one runs). */
extern int dash_run_start(dash_run *r, char const *bin, char const *file, char const *const *words);
/* Reads what it said, and whether it has ended. 1 if anything is new. */
extern int dash_run_look(dash_run *r);
/* Forgets what one that has ended said. */
extern void dash_run_forget(dash_run *r);

#endif
