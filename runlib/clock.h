#ifndef RUNLIB_CLOCK_H
#define RUNLIB_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds on the monotonic clock, which nobody sets: for deadlines within one process. */
extern uint64_t clock_ms(void);
/* Milliseconds since boot, the machine's sleep included: for what several processes compare. */
extern uint64_t clock_boot_ms(void);

/*
 * Waits until poll(2) has an event for fd (POLLIN, POLLOUT; POLLHUP and POLLERR are always among them), at the latest
 * until deadline on clock_ms; one that has passed still gets a look. Signals do not end it. Returns 0, or -1 and errno
 * (ETIMEDOUT).
 */
extern int clock_await(int fd, short events, uint64_t deadline);

/*
 * The wall clock, asked of the kernel. A process that asks once finds the kernel's quick way (the vdso) at the price
 * of two page faults, each dearer than a system call.
 */
extern struct timespec clock_wall(void);

#endif
