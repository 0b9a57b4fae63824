#ifndef SERVICES_REMOTE_CONN_H
#define SERVICES_REMOTE_CONN_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>
#include <skalibs/stralloc.h>

#include <services/remote/mx.h>
#include <services/remote/reply.h>

/*
 * A connection to a server. Each call has a deadline of its own, which no slow drip of bytes prolongs, and returns 0; or
 * -1 and errno: ETIMEDOUT, EPIPE (the server has closed it), EPROTO, EMSGSIZE (what it says is no reply), the system's.
 */
typedef struct conn_s conn;
struct conn_s
{
  int fd;
  SSL *ssl; /* 0: in the clear */
  stralloc out;
  size_t at; /* bytes of in that are read */
  size_t len;
  char in[8192];
};
#define CONN_ZERO                                                                                            \
  {                                                                                                          \
    .fd = -1, .ssl = 0, .out = STRALLOC_ZERO, .at = 0, .len = 0                                              \
  }

extern int conn_open(conn *c, target const *t, unsigned int port, unsigned int seconds);
/* Sends what is in out, and empties it. */
extern int conn_flush(conn *c, unsigned int seconds);
/* Flushes, then reads one reply; after -1, its code is 0. */
extern int conn_reply(conn *c, reply *r, unsigned int seconds);
/* Shakes hands over ssl, which the connection owns from now on. errno EPROTO: OpenSSL has the reason. */
extern int conn_shake(conn *c, SSL *ssl, unsigned int seconds);
/* Whether the server has said something that nobody asked for yet. */
extern int conn_waits(conn const *c);
extern void conn_close(conn *c);

#endif
