#ifndef RUNLIB_PROCSTAT_H
#define RUNLIB_PROCSTAT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What the kernel tells of one process in /proc/PID: proc(5). */

typedef struct process_s process;
struct process_s
{
  pid_t pid;
  pid_t parent;
  char state;           /* R, S, D, T, Z, ... */
  uint64_t start;       /* ticks since boot */
  uint64_t cpu;         /* ticks of CPU time, those of its dead children included */
  uint64_t memory;      /* resident bytes */
  unsigned int threads; /* 0 for the dead that nobody has reaped */
};

/* Reads the bytes of /proc/PID/stat. 0, or -1 and EINVAL: damaged. */
extern int process_scan(process *p, char const *s, size_t len);
/* proc: a descriptor of /proc, or -1. 0, or -1 and errno (ENOENT: no such process, or hidepid hides it). */
extern int process_read(process *p, int proc, pid_t pid);
/* The command's name, up to 15 bytes; empty where there is no such process. */
#define PROCESS_COMM 16
extern void process_comm(char comm[PROCESS_COMM], pid_t pid);

#endif
