#ifndef SERVICES_SPOOL_BOUNCE_H
#define SERVICES_SPOOL_BOUNCE_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include <services/spool/message.h>

/* Reports to the sender (RFC 3464, as multipart/report of RFC 6522). */

#define BOUNCE_HEADER_MAX 65536U /* bytes of the message's header that a report has */
/* Who sends a report that a bounce could not be delivered, as with qmail-send: no report is made about it. */
#define BOUNCE_DOUBLE "#@[]"

typedef struct bounce_s bounce;
struct bounce_s
{
  message const *m;
  char const *name;  /* of the message */
  char const *host;  /* ours */
  char const *notes; /* see notes.h */
  uint64_t now;      /* seconds since 1970 */
  uint64_t lifetime; /* seconds: for those who are told that it takes long */
  int delayed;       /* 1: about recipients who wait; 0: about those who failed */
};

/*
 * Appends the report to text. to: whom it goes to. Pure but for the message's header, which it reads. Returns 0, or -1 and
 * errno.
 */
extern int bounce_write(bounce const *b, char const *to, stralloc *text);

/*
 * Queues the report in SPOOL: to the sender; a bounce's goes to the postmaster. Returns 1; 0, the message is a report of
 * that kind itself, and nobody is told; -1 and errno.
 */
extern int bounce_send(bounce const *b, char const *spool);

#endif
