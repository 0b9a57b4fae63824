#ifndef CTL_LIVE_PROGRESS_H
#define CTL_LIVE_PROGRESS_H

#include <ctl/live/transition.h>

/*
 * Runs a transition, whose moves are all added, before people's eyes. On stdout: on a terminal a line for
 * each service, drawn again as it changes; in a pipe a line for each that has come to its end. On stderr,
 * what went wrong: how each service failed, its last log lines, and what was not started because of it.
 * Returns the exit status that follows: 0, EXIT_NO, EXIT_TIMEOUT or EXIT_SYSTEM.
 */
extern int progress_run(transition *t, tain *stamp);

#endif
