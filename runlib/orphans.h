#ifndef RUNLIB_ORPHANS_H
#define RUNLIB_ORPHANS_H

#include <stdint.h>
#include <sys/types.h>

/*
 * RUN/orphans/NAME: daemons whose s6-supervise was killed and which run on, beside the one that a new
 * s6-supervise started. Text, a line `PID STARTTIME FILE` each (as in runlib/started.h, a copy
 * counts for nothing). The next start adds
 * them; up and down end them.
 */

typedef struct orphan_s orphan;
struct orphan_s
{
  pid_t pid;
  uint64_t ticks;
};

#define ORPHANS_MAX 64

/* Whether this very process still runs: its pid, and started when the record says. */
extern int orphan_lives(orphan const *o);
/*
 * Whether it lives and s6-supervise, if it runs (supervised), did not start it. The status alone does not say: it is
 * written a moment after the start.
 */
extern int orphan_is_left(orphan const *o, int supervised);
/* Adds one to file. 0, or -1 and errno. */
extern int orphans_add(char const *file, orphan const *o);
/* Reads those of file that still run into list (ORPHANS_MAX of them at most). Their number; 0 if there is no file. */
extern unsigned int orphans_read(orphan *list, char const *file);

#endif
