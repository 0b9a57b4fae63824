#ifndef SERVICES_SMTPD_CHILD_H
#define SERVICES_SMTPD_CHILD_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include <skalibs/stralloc.h>

/*
 * Children and waiting. child_init blocks the signals that we take: they only come while something waits here,
 * so a TERM never falls between a message's envelope and its reply.
 */

/* Call once, first. given: the mask of signals for programs, 0: the present one. Returns 0, or -1 and errno. */
extern int child_init(sigset_t const *given);
/* Whether we must end: 0, SIGTERM, or PLACES_EVICT (runlib/tcp/places.h). */
extern int child_terminated(void);
/* Whether PLACES_HURRY came: places are short. */
extern int child_hurried(void);

/*
 * Starts argv[0] (a path: PATH is not searched) with modifs over the environment. fds: the program's
 * descriptors from 0 on, n of them, -1: closed, -2: left alone; 2 is inherited. group: in a process group of its own.
 * Returns its pid, or -1 and errno.
 */
extern pid_t child_start(char const *const *argv, stralloc const *modifs, int const *fds, unsigned int n,
                         int group);

/* Waits until fd (if it is not -1) has one of events, a child ends, TERM comes, or deadline. 1: fd has; 0. */
extern int child_pause(int fd, short events, uint64_t deadline);

/* Waits for pid. Returns 0 and *wstat; or -1: ETIMEDOUT, else errno. */
extern int child_wait(pid_t pid, int *wstat, uint64_t deadline);

#endif
