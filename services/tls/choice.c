#include <string.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "context-internal.h"

/* How well a certificate's names fit, the best first. */
typedef enum rank_e
{
  RANK_EXACT,
  RANK_WILDCARD,
  RANK_OURS, /* for the name of who asked tlsd */
  RANK_OURS_WILDCARD,
  RANK_FIRST, /* for the names of the first certificate */
  RANK_ANY,   /* better than no TLS */
  RANKS
} rank;

static int has_name(cert const *c, char const *name, unsigned int flags)
{
  return name && X509_check_host(c->leaf, name, strlen(name), flags, 0) == 1;
}

static int fits(identity const *id, rank r, char const *asked, char const *ours)
{
  switch (r)
  {
    case RANK_EXACT: return has_name(&id->c, asked, X509_CHECK_FLAG_NO_WILDCARDS);
    case RANK_WILDCARD: return has_name(&id->c, asked, 0);
    case RANK_OURS: return has_name(&id->c, ours, X509_CHECK_FLAG_NO_WILDCARDS);
    case RANK_OURS_WILDCARD: return has_name(&id->c, ours, 0);
    case RANK_FIRST: return !id->group;
    default: return 1;
  }
}

/* RFC 8446, 4.2.3: SignatureScheme. An EC key's curve is a part of it in TLS 1.3 alone. */
static int is_for(unsigned int scheme, identity const *id, int tls13)
{
  switch (id->c.kind)
  {
    case CERT_RSA: return (scheme >= 0x0804 && scheme <= 0x0806) || (!tls13 && (scheme & 0xff) == 1);
    case CERT_EC:
      if (!tls13) return (scheme & 0xff) == 3;
      switch (EVP_PKEY_get_bits(id->key))
      {
        case 256: return scheme == 0x0403;
        case 384: return scheme == 0x0503;
        default: return scheme == 0x0603;
      }
    default: return scheme == 0x0807;
  }
}

/* Whether the client takes such signatures. One that does not say is of before TLS 1.2, or means SHA-1 of RSA and ECDSA. */
static int can_verify(SSL *ssl, identity const *id)
{
  int n = SSL_get_sigalgs(ssl, 0, 0, 0, 0, 0, 0);
  unsigned char low, high;

  for (int i = 0; i < n; i++)
    if (SSL_get_sigalgs(ssl, i, 0, 0, 0, &low, &high) > 0 &&
        is_for((unsigned int)high << 8 | low, id, SSL_version(ssl) == TLS1_3_VERSION))
      return 1;
  return !n && id->c.kind != CERT_ED25519;
}

/* Before TLS 1.3 a cipher is for one kind of keys. */
static int has_cipher(SSL *ssl, identity const *id)
{
  STACK_OF(SSL_CIPHER) *theirs = SSL_get_client_ciphers(ssl);
  STACK_OF(SSL_CIPHER) *ours = SSL_get_ciphers(ssl);
  int auth = id->c.kind == CERT_RSA ? NID_auth_rsa : NID_auth_ecdsa;

  if (SSL_version(ssl) == TLS1_3_VERSION) return 1;
  for (int i = 0; i < sk_SSL_CIPHER_num(theirs); i++)
  {
    SSL_CIPHER const *c = sk_SSL_CIPHER_value(theirs, i);
    if (SSL_CIPHER_get_auth_nid(c) == auth && sk_SSL_CIPHER_find(ours, (SSL_CIPHER *)(uintptr_t)c) >= 0)
      return 1;
  }
  return 0;
}

/*
 * The best rank in which the client can use a certificate gives those of each kind; among them the client's and our preferences
 * decide. Where it can use none, all stays as it is, and the handshake fails for the reason that OpenSSL finds.
 */
int choice_make(SSL *ssl, void *data)
{
  contexts const *cs = data;
  char const *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  char const *ours = SSL_get_app_data(ssl);

  for (rank r = 0; r < RANKS; r++)
  {
    unsigned int kinds = 0; /* bits (1 << kind) that were given */
    for (unsigned int i = 0; i < cs->n; i++)
    {
      identity const *id = cs->list + i;
      if (kinds >> id->c.kind & 1 || !fits(id, r, asked, ours) || !can_verify(ssl, id) ||
          !has_cipher(ssl, id))
        continue;
      if (!kinds) SSL_certs_clear(ssl);
      if (SSL_use_cert_and_key(ssl, id->c.leaf, id->key, id->c.chain, 1) != 1) return 0;
      kinds |= 1u << id->c.kind;
    }
    if (kinds) break;
  }
  return 1;
}
