#ifndef SERVICES_SPOOL_LMTP_H
#define SERVICES_SPOOL_LMTP_H

#include <services/spool/message.h>

/* LMTP (RFC 2033) to a unix socket: who serves it answers for each recipient. */

#define LMTP_RECIPIENTS 50U
#define LMTP_SECONDS    50 /* for a message; a service that stops has a minute */
#define LMTP_REPLY_MAX  1024U

typedef struct lmtp_s lmtp;
struct lmtp_s
{
  char const *path; /* of the socket; 0: there is none, and Maildirs are written */
  char const *host; /* ours */
  int fd;           /* -1: not connected. It is kept for the next message */
  int down;         /* it failed in this pass: nothing more is tried before the next */
  int begun;        /* the message at hand: it heard MAIL */
  uint64_t deadline;
  stralloc in; /* what was read and not used */
};

typedef struct lmtp_result_s lmtp_result;
struct lmtp_result_s
{
  unsigned int code;         /* of the reply; 0: there was none */
  char text[LMTP_REPLY_MAX]; /* the reply in one line, or what went wrong */
};

/* Hands the message over for n recipients (addresses of an envelope, LMTP_RECIPIENTS at most), with a result for each. */
extern void lmtp_send(lmtp *l, message const *m, char const *sender, char const *const *to, unsigned int n,
                      lmtp_result *r);
/* Closes the connection; what failed may be tried again. */
extern void lmtp_end(lmtp *l);

/* Appends s in the form that DATA wants: CR LF at a line's end and nowhere else, a dot before a dot. *within, 0 at first, carries over. */
extern int lmtp_body(stralloc *out, char const *s, size_t n, int *within);

#endif
