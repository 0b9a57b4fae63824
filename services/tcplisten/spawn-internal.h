#ifndef TCPLISTEN_SPAWN_INTERNAL_H
#define TCPLISTEN_SPAWN_INTERNAL_H

#include <signal.h>
#include <sys/types.h>

/*
 * Runs path with fd as its descriptors 0 and 1, with the signal mask given and SIGPIPE as usual.
 * Every other descriptor above 2 must be close-on-exec already. Returns the child's pid, or 0 and errno:
 * also when the exec failed, because the child shares memory until then (vfork).
 */
extern pid_t spawn_on(int fd, char const *path, char const *const *argv, char const *const *envp,
                      sigset_t const *mask);

#endif
