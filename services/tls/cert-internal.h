#ifndef TLS_CERT_INTERNAL_H
#define TLS_CERT_INTERNAL_H

#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

/* Certificates and keys as they lie in PEM files. */

#define WHY_MAX 512 /* bytes of the text that says what is wrong */

/* By the algorithm of its key. */
typedef enum cert_kind_e
{
  CERT_RSA,
  CERT_EC,
  CERT_ED25519,
  CERT_KINDS
} cert_kind;
extern char const *const cert_kind_names[CERT_KINDS];

typedef struct cert_s cert;
struct cert_s
{
  char const *path; /* not owned */
  X509 *leaf;
  STACK_OF(X509) * chain; /* what follows it in the file */
  cert_kind kind;
};
#define CERT_ZERO                                                                                            \
  {                                                                                                          \
    .path = 0, .leaf = 0, .chain = 0, .kind = CERT_RSA                                                       \
  }

/* Reads the first certificate of a file and the chain behind it. Returns 0, or -1 and what is wrong in why. */
extern int cert_load(cert *c, char const *path, char why[WHY_MAX]);
extern void cert_free(cert *c);

/*
 * Reads a private key. One that people other than its owner and group may read, or that others than its
 * owner may write, is refused. Returns it, to be freed with EVP_PKEY_free, or 0 and what is wrong in why.
 */
extern EVP_PKEY *cert_key(char const *path, char why[WHY_MAX]);

/* 0 if key belongs to c, else -1 and what is wrong in why. */
extern int cert_match(cert const *c, EVP_PKEY *key, char const *keypath, char why[WHY_MAX]);

/* Whether c is for name, wildcards counted. */
extern int cert_has_name(cert const *c, char const *name);
/* Calls f with each DNS name (without any: with the common name) until it returns non-zero. Returns that. */
extern int cert_names(cert const *c, int (*f)(char const *name, void *data), void *data);

/* The end of its life, in seconds of 1970; of the whole chain that is sent. */
extern time_t cert_expires(cert const *c);
extern time_t cert_begins(cert const *c);

#endif
