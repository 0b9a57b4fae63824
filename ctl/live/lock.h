#ifndef CTL_LIVE_LOCK_H
#define CTL_LIVE_LOCK_H

#include <sys/types.h>

/*
 * One command at a time changes a bundle: STATE/lock, a POSIX lock that ends with its process, with
 * `PID COMMAND` in it for the one that has to wait. Makes STATE if needed.
 * If another holds it, says who, and waits up to timeout milliseconds.
 * The descriptor (close-on-exec), or -1 and errno (ETIMEDOUT; EPERM: root, in a bundle of a user's, whose name is said).
 * rival: if a child of this process holds it for the same command, that is enough: EALREADY, without a word; 0: of nobody.
 * On a file system that cannot be written STATE itself is locked: to stop something needs no writing.
 */
extern int lock_take(char const *state, char const *command, unsigned int timeout, pid_t rival);

#endif
