#ifndef CTL_STATUS_PROCTREE_H
#define CTL_STATUS_PROCTREE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <skalibs/genalloc.h>
#include <skalibs/tai.h>

/* Processes and their descendants, from /proc (proc(5)). */

typedef struct process_s process;
struct process_s
{
  pid_t pid;
  pid_t parent;
  uint64_t start;       /* ticks since boot */
  uint64_t cpu;         /* ticks of CPU time, those of its dead children included */
  uint64_t memory;      /* resident bytes */
  unsigned int threads; /* 0 for the dead that nobody has reaped */
};

typedef struct proctree_s proctree;
struct proctree_s
{
  double cpu; /* seconds */
  uint64_t memory;
  unsigned int processes;
};

/* Reads the bytes of /proc/PID/stat. 0, or -1 and EINVAL: damaged. */
extern int process_scan(process *p, char const *s, size_t len);
/* proc: a descriptor of /proc. 0, or -1 and errno (ENOENT: no such process, or hidepid hides it). */
extern int process_read(process *p, int proc, pid_t pid);

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
