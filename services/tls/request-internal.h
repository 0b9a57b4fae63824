#ifndef TLS_REQUEST_INTERNAL_H
#define TLS_REQUEST_INTERNAL_H

#include <stddef.h>

#include <runlib/tlsclient.h>

/* A client's request as tlsd reads it; tlsd(8) has the format. */
typedef struct request_s request;
struct request_s
{
  tls_mode mode;
  char peer[64];
  unsigned char
      key[16];     /* what sessions are counted by: the IPv4 address as ::ffff:a.b.c.d, or the IPv6 /64 */
  char name[256];  /* empty: none */
  char ready[512]; /* with CRLF; empty for implicit TLS */
};

/* Reads the n bytes of a whole request. Returns 0, or what is wrong, in words (static). */
extern char const *request_scan(char const *s, size_t n, request *rq);

#endif
