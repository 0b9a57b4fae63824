#ifndef TLS_CONFINE_INTERNAL_H
#define TLS_CONFINE_INTERNAL_H

#include <sys/types.h>

/*
 * For good, in this process and its children: an empty root directory and user's ids (both only as root and with
 * a user), and what confine_self gives up. Returns 0, or -1 and errno.
 */
extern int confine(uid_t uid, gid_t gid);

#endif
