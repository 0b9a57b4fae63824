#ifndef CTL_MACHINE_PORT_H
#define CTL_MACHINE_PORT_H

#include <sys/types.h>

#include <runlib/address.h>

/* Who listens where, on this machine, now. */

/*
 * Tries to bind (not to listen), as a server that is about to start would. 0, or why it cannot: EADDRINUSE,
 * EADDRNOTAVAIL (no such address here), EACCES (a low port, and not root), or another errno.
 */
extern int port_try(address const *a);

/*
 * The process that listens on a, from /proc: its pid, or 0 where nobody seems to or where we may not see it
 * (another user's). Where several share the socket, the one with the lowest pid that is seen. *hidden: whether there
 * is another user's socket, whose process we may not see.
 */
extern pid_t port_owner(address const *a, int *hidden);

/*
 * port_try, and where that is EADDRINUSE, the owner. A process that was killed is not seen some time before its sockets
 * are closed, and one that starts, before it listens: while nobody is seen who could be, it looks again, for a second.
 */
extern int port_taken(address const *a, pid_t *owner);

/* Whether pid, or a process above it, works in a directory below directory: s6-supervise works in its service's. */
extern int port_below(pid_t pid, char const *directory);

#endif
