#ifndef CTL_STATUS_PROCTREE_H
#define CTL_STATUS_PROCTREE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <skalibs/genalloc.h>
#include <skalibs/tai.h>

#include <runlib/procstat.h>

/* Processes with their descendants. */

typedef struct proctree_s proctree;
struct proctree_s
{
  double cpu; /* seconds */
  uint64_t memory;
  unsigned int processes;
};

/* Appends the pids of the children of p (of pid_t). 0, or -1 and errno (ENOENT: also a kernel without such lists). */
extern int process_children(genalloc *pids, int proc, process const *p);

/*
 * Sums p and all its descendants that still run. Pages that several of them share count for each.
 * 0, or -1 and errno: something could not be read, so that the sum would be too small.
 */
extern int proctree_sum(proctree *t, int proc, process const *p);

/* CPU time in seconds. */
extern double process_seconds(process const *p);
/* Seconds since it began; less than 0: unknown. */
extern double process_age(process const *p);
/* When it began, on the wall clock of now. 0, or -1: unknown. */
extern int process_birth(tain *t, process const *p);

#endif
