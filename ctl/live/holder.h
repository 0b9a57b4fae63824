#ifndef CTL_LIVE_HOLDER_H
#define CTL_LIVE_HOLDER_H

#include <sys/types.h>

/* Who has what open, by the links in /proc/PID/fd (proc(5)). */

typedef int holder_match(pid_t pid, char const *link, void const *data);

/* A process with a descriptor whose link is_it wants: of those that we may look into, the one with the lowest pid; or 0. */
extern pid_t holder_find(holder_match *is_it, void const *data);
/* The same for the file that path is, by its name. */
extern pid_t holder_of(char const *path);

#endif
