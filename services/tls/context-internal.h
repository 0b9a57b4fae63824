#ifndef TLS_CONTEXT_INTERNAL_H
#define TLS_CONTEXT_INTERNAL_H

#include <openssl/ssl.h>

#include "cert-internal.h"
#include "settings-internal.h"

/*
 * One SSL_CTX an identity: certificates with the same names stand side by side in it, one of each
 * kind, and the client's algorithms choose. The first identity is for clients that name none, or an unknown one.
 */

typedef struct identity_s identity;
struct identity_s
{
  SSL_CTX *ctx;
  cert certs[CERT_KINDS]; /* those without a leaf are not there */
};

typedef struct contexts_s contexts;
struct contexts_s
{
  identity list[CERTIFICATES_MAX];
  unsigned int n;
  time_t expires; /* the first certificate to end */
};
#define CONTEXTS_ZERO                                                                                        \
  {                                                                                                          \
    .n = 0, .expires = 0                                                                                     \
  }

/* Builds them from the files of st, with keys from keeper_key. Returns 0, or -1 and what is wrong in why. */
extern int contexts_build(contexts *cs, settings const *st, char why[WHY_MAX]);

/* The identity for name; 0 if there is none. */
extern SSL_CTX *contexts_find(contexts const *cs, char const *name);

/*
 * Shakes hands with itself in memory, with every certificate and protocol: shows that all keys work, and
 * fills OpenSSL's caches, which every worker forked later then finds warm. Returns as contexts_build.
 */
extern int contexts_warm(contexts const *cs, settings const *st, char why[WHY_MAX]);

#endif
