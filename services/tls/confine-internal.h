#ifndef TLS_CONFINE_INTERNAL_H
#define TLS_CONFINE_INTERNAL_H

#include <sys/types.h>

/*
 * For good, in this process and its children: an empty root folder and user's ids (both only as root and with
 * a user), no new privileges, no core, no tracing by others of the same user. Returns 0, or -1 and errno.
 */
extern int confine(uid_t uid, gid_t gid);

/* Bounds memory and descriptors, and allows no processes. Returns 0, or -1 and errno. */
extern int confine_resources(void);

/*
 * Lets the process only use what it has: read, write, receive and send on open descriptors, memory that
 * is not executable, time and exit. Everything else fails with EPERM. Returns 0, or -1 and errno.
 */
extern int confine_calls(void);

#endif
