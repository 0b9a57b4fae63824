#ifndef SERVICES_SPOOL_FORWARD_H
#define SERVICES_SPOOL_FORWARD_H

#include "deliver-internal.h"

/* A recipient's mail that goes on to addresses at other hosts: a message of its own, from an address of ours. */

/* Reads SPOOL/srs.key, which is made where it is missing. Returns 0, or -1 and errno. */
extern int forward_open(spool *s);

/*
 * Queues the message anew for n addresses (NUL after each) of the recipient, the message's number-th. Its name comes from the old one's, so that a
 * second time finds it there. What fails defers the recipient.
 */
extern void forward_put(batch *b, job *j, recipient const *r, unsigned int number, stralloc const *to);

/*
 * Whether the recipient's address is one that a sender has become: the old one is appended to `to`, NUL included. Returns 1; 0: it is no
 * such address; 2: it has the form, but is not ours or too old; -1 (ENOMEM).
 */
extern int forward_back(spool const *s, recipient const *r, stralloc *to);

#endif
