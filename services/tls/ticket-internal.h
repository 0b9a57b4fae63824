#ifndef TLS_TICKET_INTERNAL_H
#define TLS_TICKET_INTERNAL_H

#include <stdatomic.h>

#include <openssl/ssl.h>

/*
 * The keys of session tickets. They lie in memory that tlsd's processes share, so that a ticket is good
 * for every worker and survives a reload; a worker copies them when its session begins.
 */

#define TICKET_KEYS    3
#define TICKET_SECONDS 7200 /* a key seals tickets for so long; the two before it still open theirs */

typedef struct ticket_key_s ticket_key;
struct ticket_key_s
{
  unsigned char name[16];
  unsigned char cipher[32];
  unsigned char mac[32];
};

typedef struct ticket_ring_s ticket_ring;
struct ticket_ring_s
{
  ticket_key keys[TICKET_KEYS];
  _Atomic unsigned int current;
};

/* Makes a new current key in place of the oldest. All keys of a zero ring. Returns 0, or -1 and errno. */
extern int ticket_rotate(ticket_ring *ring);
extern int ticket_init(ticket_ring *ring);

/* The ring that this process uses from now on; not owned. */
extern void ticket_use(ticket_ring const *ring);
extern void ticket_setup(SSL_CTX *ctx);

#endif
