#ifndef SERVICES_SPOOL_HISTORY_H
#define SERVICES_SPOOL_HISTORY_H

#include <stddef.h>
#include <stdint.h>

/* What a delivery wants to know of a message's header, read once. Pure. */
typedef struct history_s history;
struct history_s
{
  void *was;       /* the addresses of its Delivered-To fields in lower case, a tree (tsearch) */
  uint64_t source; /* who sent it, as a number: an IPv4 address, a /64 of IPv6, a local user */
};
#define HISTORY_ZERO                                                                                         \
  {                                                                                                          \
    .was = 0, .source = 0                                                                                    \
  }

/*
 * Reads a header, up to its end or len. The source is the client in the first Received field that smtpd wrote, else the
 * uid that spool-queue ran as. Returns 0, or -1 (ENOMEM); spool_history_free in any case.
 */
extern int spool_history_read(history *h, char const *s, size_t len);
/* Whether the message was delivered to this address, of an envelope, before: 1, 0, or -1 (ENOMEM). */
extern int spool_history_has(history const *h, char const *address);
extern void spool_history_free(history *h);

#endif
