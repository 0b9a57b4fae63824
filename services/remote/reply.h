#ifndef SERVICES_REMOTE_REPLY_H
#define SERVICES_REMOTE_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

/* A server's reply (RFC 5321, 4.2), read in pieces of any size. */

#define REPLY_MAX 65536U /* bytes of one reply: more than a greeting of hundreds of lines */

typedef struct reply_s reply;
struct reply_s
{
  unsigned int code; /* of its last line, 200 to 599 */
  stralloc text;     /* its lines without their line ends, `\n` between them; what is not printable is `?` */
  size_t line;       /* where the line at hand begins */
};
#define REPLY_ZERO                                                                                           \
  {                                                                                                          \
    .code = 0, .text = STRALLOC_ZERO, .line = 0                                                              \
  }

/* Before a new one. */
extern void reply_clear(reply *r);
/*
 * Returns 1 once the reply is complete (*used bytes of s belong to it), 0 if it goes on (all were used), -1 and errno:
 * EPROTO, not a reply; EMSGSIZE, too long a one; ENOMEM. A line may end in a bare LF, and is not sent on.
 */
extern int reply_feed(reply *r, char const *s, size_t n, size_t *used);
extern void reply_free(reply *r);
/* A complete reply for reports: at most REPLY_SAID bytes, with a NUL in text. 0: ENOMEM. */
#define REPLY_SAID 1000U
extern char const *reply_said(reply *r);

/* What a server offers in its answer to EHLO. */
typedef struct offers_s offers;
struct offers_s
{
  unsigned int pipelining : 1;
  unsigned int eightbit : 1;
  unsigned int utf8 : 1;
  unsigned int starttls : 1;
  unsigned int dsn : 1;
  unsigned int size : 1;
  unsigned int plain : 1; /* AUTH */
  unsigned int login : 1;
  uint64_t most; /* bytes of a message; 0: no bound is known */
};
extern offers reply_offers(reply const *r);

#endif
