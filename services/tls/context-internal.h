#ifndef TLS_CONTEXT_INTERNAL_H
#define TLS_CONTEXT_INTERNAL_H

#include <openssl/ssl.h>

#include "cert-internal.h"
#include "settings-internal.h"

/*
 * One SSL_CTX for all clients. Of several certificates, choice.c gives each client those that are for the name it asks for and
 * that it can use.
 */

typedef struct identity_s identity;
struct identity_s
{
  cert c;
  EVP_PKEY *key;
  unsigned int group; /* the first of the identities with the same names */
};

typedef struct contexts_s contexts;
struct contexts_s
{
  SSL_CTX *ctx; /* has the first certificate of each kind */
  identity list[CERTIFICATES_MAX];
  unsigned int n;
  time_t expires; /* the first certificate to end */
};
#define CONTEXTS_ZERO                                                                                        \
  {                                                                                                          \
    .ctx = 0, .n = 0, .expires = 0                                                                           \
  }

/* Builds it from the files of st, with keys from keeper_key. Returns 0, or -1 and what is wrong in why. */
extern int contexts_build(contexts *cs, settings const *st, char why[WHY_MAX]);

/*
 * Shakes hands with itself in memory, with every certificate and protocol: shows that all keys work, and
 * fills OpenSSL's caches, which every worker forked later then finds warm. Returns as contexts_build.
 */
extern int contexts_warm(contexts const *cs, settings const *st, char why[WHY_MAX]);

/*
 * Which certificates a client gets; data: the contexts. For SSL_CTX_set_cert_cb, if there is more than one group. The SSL's
 * app data is the name that clients who name none, or an unknown one, are served as; 0: none.
 */
extern int choice_make(SSL *ssl, void *data);

#endif
