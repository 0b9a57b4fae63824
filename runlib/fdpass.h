#ifndef RUNLIB_FDPASS_H
#define RUNLIB_FDPASS_H

#include <sys/types.h>

/* One message with descriptors over a unix socket that keeps messages apart (SOCK_SEQPACKET, SOCK_DGRAM). */

#define FDPASS_MAX 2

/* Sends n bytes and nfds descriptors, which stay open here. Never SIGPIPE. Returns 0, or -1 and errno. */
extern int fdpass_send(int fd, char const *s, size_t n, int const *fds, unsigned int nfds);

/*
 * Receives a message of at most max bytes and exactly nfds descriptors (close-on-exec) into fds. Returns
 * its length, 0 at the end, or -1 and errno; EPROTO: too long, or another number of descriptors, and all
 * that came is closed. flags: 0 or MSG_DONTWAIT.
 */
extern ssize_t fdpass_receive(int fd, char *s, size_t max, int *fds, unsigned int nfds, int flags);

#endif
