#include <string.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/tls1.h>

#include "ticket-internal.h"

static ticket_ring const *in_use;

int ticket_rotate(ticket_ring *ring)
{
  unsigned int next = (atomic_load(&ring->current) + 1) % TICKET_KEYS;

  /* A worker that copies this key half-written only fails to open a ticket: a full handshake follows. */
  if (getentropy(ring->keys + next, sizeof ring->keys[next]) < 0) return -1;
  atomic_store(&ring->current, next);
  return 0;
}

int ticket_init(ticket_ring *ring)
{
  for (unsigned int i = 0; i < TICKET_KEYS; i++)
    if (ticket_rotate(ring) < 0) return -1;
  return 0;
}

void ticket_use(ticket_ring const *ring)
{
  in_use = ring;
}

static int start_mac(EVP_MAC_CTX *mac, ticket_key const *k)
{
  OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)k->mac, sizeof k->mac),
                         OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
                         OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params);
}

static int seal(unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
  ticket_key const *k = in_use->keys + atomic_load(&in_use->current) % TICKET_KEYS;

  memcpy(name, k->name, sizeof k->name);
  return RAND_bytes(iv, EVP_MAX_IV_LENGTH) == 1 && start_mac(mac, k) &&
                 EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), 0, k->cipher, iv)
             ? 1
             : -1;
}

static int open_ticket(SSL const *ssl, unsigned char const *name, unsigned char const *iv,
                       EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
  unsigned int current = atomic_load(&in_use->current);

  for (unsigned int i = 0; i < TICKET_KEYS; i++)
  {
    ticket_key const *k = in_use->keys + i;
    if (memcmp(name, k->name, sizeof k->name)) continue;
    if (!start_mac(mac, k) || !EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), 0, k->cipher, iv)) return -1;
    /* 2: the client gets a new ticket. In TLS 1.3 it uses each only once (RFC 8446, C.4). */
    return i == current && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
  }
  return 0;
}

static int ticket_key_cb(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                         EVP_MAC_CTX *mac, int sealing)
{
  return sealing ? seal(name, iv, cipher, mac) : open_ticket(ssl, name, iv, cipher, mac);
}

void ticket_setup(SSL_CTX *ctx)
{
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(ctx, (unsigned char const *)"tlsd", 4);
  SSL_CTX_set_timeout(ctx, TICKET_SECONDS);
  SSL_CTX_set_num_tickets(ctx, 1);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, ticket_key_cb);
}
