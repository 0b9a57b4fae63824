#ifndef RUNLIB_CLOCK_H
#define RUNLIB_CLOCK_H

#include <time.h>

/*
 * The wall clock, asked of the kernel. A process that asks once finds the kernel's quick way (the vdso) at the price
 * of two page faults, each dearer than a system call.
 */
extern struct timespec clock_wall(void);

#endif
