#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <ctl/transition.h>

/*
 * What up, down and restart show while they work, on stdout: on a terminal a line for each service, drawn
 * again as it changes; in a pipe a line for each that has come to its end. A transition's progress callback.
 */
typedef struct progress_s progress;
struct progress_s
{
  int terminal; /* draw again */
  size_t drawn; /* lines on the screen */
};
#define PROGRESS_ZERO                                                                                        \
  {                                                                                                          \
    .terminal = 0, .drawn = 0                                                                                \
  }

extern void progress_init(progress *p,
                          transition *t); /* makes p the callback of t, whose moves are all added */
/*
 * What went wrong, to stderr: how each service failed, its last log lines, and what was not started because
 * of it. Returns the exit status that follows: 0, EXIT_NO, EXIT_TIMEOUT or EXIT_SYSTEM.
 */
extern int progress_result(transition const *t);

#endif
