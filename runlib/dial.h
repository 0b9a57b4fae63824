#ifndef RUNLIB_DIAL_H
#define RUNLIB_DIAL_H

#include <stddef.h>
#include <stdint.h>

/* Connections to servers that a configuration names: unix:PATH or inet:ADDRESS:PORT. Deadlines on clock_ms. */

/* Returns a non-blocking descriptor, close-on-exec; or -1 and errno: ETIMEDOUT, or as connect(2). */
extern int dial_open(char const *where, uint64_t deadline);
/* Sends all of it, without SIGPIPE. Returns 0, or -1 and errno. */
extern int dial_send(int fd, char const *s, size_t len, uint64_t deadline);

#endif
