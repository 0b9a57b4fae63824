#ifndef SERVICES_REMOTE_DELIVERY_H
#define SERVICES_REMOTE_DELIVERY_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include <services/remote/mx.h>
#include <services/remote/settings.h>

/* One message to recipients of one host: what is known before the first connection, and what is reported. */

#define DELIVERY_RECIPIENTS 1000

typedef struct delivery_s delivery;
struct delivery_s
{
  settings const *set;
  char const *host;
  char const *sender; /* empty: a bounce's */
  unsigned int n;
  char const *const *recipients;

  int message;     /* its file, read from its beginning */
  uint64_t len;    /* of the message in it */
  uint64_t size;   /* on the wire */
  stralloc prefix; /* header fields that go before it */
  int eight;       /* it has bytes above 127 */
  int utf8;        /* an address has */

  char relay[DNS_NAME]; /* empty: by MX */
  unsigned int port;
  tls_level level;
  int enforced;      /* by MTA-STS: only the exchangers of patterns count */
  stralloc patterns; /* see sts.h */
  stralloc secret;   /* of which the next two are parts; 0: no AUTH */
  char const *user;
  char const *password;

  stralloc report; /* qmail-remote's: a letter, a text, a NUL; for each recipient and then for the message */
  stralloc tried;  /* which servers did not do, and why */
};
#define DELIVERY_ZERO                                                                                        \
  {                                                                                                          \
    .set = 0, .prefix = STRALLOC_ZERO, .port = 25, .level = TLS_MAY, .patterns = STRALLOC_ZERO,              \
    .secret = STRALLOC_ZERO, .report = STRALLOC_ZERO, .tried = STRALLOC_ZERO                                 \
  }

/*
 * Reads what the files and MTA-STS say about the host, and measures the message. Returns 0; or -1, and the report is
 * complete.
 */
extern int delivery_prepare(delivery *d);
/* Finds the servers and tries them in turn, until one takes or refuses. The report is complete. */
extern void delivery_run(delivery *d);

/* Appends one report: the letter, and the texts up to a 0. Memory that lacks ends the process: nothing was said yet. */
extern void report_add(delivery *d, int letter, ...) __attribute__((sentinel));
/* The message's, after all that was said about recipients is taken back. */
extern void report_only(delivery *d, char letter, char const *why);

#endif
