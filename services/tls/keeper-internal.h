#ifndef TLS_KEEPER_INTERNAL_H
#define TLS_KEEPER_INTERNAL_H

#include <openssl/evp.h>

#include "cert-internal.h"
#include "settings-internal.h"

/*
 * The private keys, in a process that does nothing but sign. A worker asks it over a SOCK_SEQPACKET
 * socket that all workers share, and sends along the descriptor on which it wants the answer, so that
 * no worker can read another's. Those who talk to the network have no key in their address space.
 */

/* Reads every key of st into the process. Returns 0, or -1 and what is wrong in why. */
extern int keeper_load(settings const *st, char why[WHY_MAX]);

/* Signs what fd asks for, until every other end of it is closed. */
extern void keeper_serve(int fd);

/* In the others: keeper_key's keys are signed for through fd. */
extern void keeper_use(int fd);
/* The public key of c, whose private operations the keeper does with its key number i. 0: out of memory. */
extern EVP_PKEY *keeper_key(cert const *c, unsigned int i);

#endif
