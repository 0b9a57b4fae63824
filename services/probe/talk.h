#ifndef SERVICES_PROBE_TALK_H
#define SERVICES_PROBE_TALK_H

#include <stddef.h>

#include <openssl/ssl.h>

/* A connection to a server, in the clear or with TLS, that ends at a deadline. */

typedef struct talk_s talk;
struct talk_s
{
  int fd;
  SSL *ssl;
  size_t len, at; /* bytes of in that there are, and those that were taken */
  char in[4096];
  char line[512]; /* the last line, without its end */
  char why[600];  /* what went wrong */
  long deadline;  /* on the monotonic clock, ms */
};

extern long talk_now(void);
/*
 * Connects to ADDRESS:PORT, numbers both; where the address is that of all interfaces, to this machine's own. Returns 0, or
 * -1 with the reason in why.
 */
extern int talk_open(talk *t, char const *address, size_t len, long deadline);
/* Shakes hands; whose certificate it is does not count. Returns 0, or -1 with the reason in why. */
extern int talk_tls(talk *t, SSL_CTX *ctx);
/* Sends a line, or lines. The same. */
extern int talk_say(talk *t, char const *text);
/* Reads a line into t->line; the rest of one that is too long is passed over. The same. */
extern int talk_hear(talk *t);
extern void talk_close(talk *t);

#endif
