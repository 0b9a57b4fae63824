/* RSA_METHOD, EC_KEY_METHOD and EVP_PKEY_METHOD are deprecated since 3.0, where a provider of some 500 lines would take their place. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <skalibs/djbunix.h>

#include <runlib/fdpass.h>

#include "keeper-internal.h"

#define INPUT_MAX      1024 /* RSA: a padded block, at most an 8192-bit key's; Ed25519: the text itself */
#define ANSWER_SECONDS 5

typedef struct question_s question;
struct question_s
{
  uint32_t key;
  int32_t padding; /* RSA: RSA_NO_PADDING or RSA_PKCS1_PADDING */
  unsigned char input[INPUT_MAX];
};
#define QUESTION_HEAD (sizeof(question) - INPUT_MAX)

static EVP_PKEY *keys[CERTIFICATES_MAX];
static unsigned int nkeys;

int keeper_load(settings const *st, char why[WHY_MAX])
{
  for (nkeys = 0; nkeys < st->nfiles; nkeys++)
  {
    certificate_files const *f = st->files + nkeys;
    cert c = CERT_ZERO;
    EVP_PKEY *key = cert_key(f->key, why);
    if (!key) return -1;
    keys[nkeys] = key;
    if (cert_load(&c, f->certificate, why) < 0) return -1;
    int matches = cert_match(&c, key, f->key, why);
    cert_free(&c);
    if (matches < 0) return -1;
  }
  return 0;
}

/* These return the length of the signature in output, or 0. */

static size_t sign_ec(EVP_PKEY *key, question const *q, size_t n, unsigned char output[INPUT_MAX])
{
  EC_KEY *ec = (EC_KEY *)EVP_PKEY_get0_EC_KEY(key);
  unsigned int len = 0;

  if (n > 64 || !ec || ECDSA_size(ec) > INPUT_MAX || ECDSA_sign(0, q->input, (int)n, output, &len, ec) != 1)
    return 0;
  return len;
}

static size_t sign_rsa(EVP_PKEY *key, question const *q, size_t n, unsigned char output[INPUT_MAX])
{
  RSA *rsa = (RSA *)EVP_PKEY_get0_RSA(key);
  int result;

  if (!rsa || RSA_size(rsa) > INPUT_MAX || (q->padding != RSA_NO_PADDING && q->padding != RSA_PKCS1_PADDING))
    return 0;
  result = RSA_private_encrypt((int)n, q->input, output, rsa, q->padding);
  return result > 0 ? (size_t)result : 0;
}

static size_t sign_ed25519(EVP_PKEY *key, question const *q, size_t n, unsigned char output[INPUT_MAX])
{
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  size_t len = INPUT_MAX;

  if (!ctx || EVP_DigestSignInit(ctx, 0, 0, 0, key) != 1 ||
      EVP_DigestSign(ctx, output, &len, q->input, n) != 1)
    len = 0;
  EVP_MD_CTX_free(ctx);
  return len;
}

static size_t sign(question const *q, size_t n, unsigned char output[INPUT_MAX])
{
  EVP_PKEY *key = q->key < nkeys ? keys[q->key] : 0;

  switch (key ? EVP_PKEY_get_base_id(key) : 0)
  {
    case EVP_PKEY_EC: return sign_ec(key, q, n, output);
    case EVP_PKEY_RSA: return sign_rsa(key, q, n, output);
    case EVP_PKEY_ED25519: return sign_ed25519(key, q, n, output);
    default: return 0;
  }
}

void keeper_serve(int fd)
{
  question q;
  unsigned char output[INPUT_MAX];

  for (;;)
  {
    int reply = -1;
    ssize_t n = fdpass_receive(fd, (char *)&q, sizeof q, &reply, 1, 0);
    if (!n || (n < 0 && errno != EINTR && errno != EPROTO)) return;
    if (n > (ssize_t)QUESTION_HEAD && reply >= 0)
    {
      size_t len = sign(&q, (size_t)n - QUESTION_HEAD, output);
      if (len) (void)send(reply, output, len, MSG_DONTWAIT | MSG_NOSIGNAL);
      ERR_clear_error();
    }
    if (reply >= 0) fd_close(reply);
  }
}

/* --- the workers' side --- */

static int keeper_fd = -1;
static int key_number_rsa;
static int key_number_ec;
static int key_number_ed25519;
static RSA_METHOD *rsa_method;
static EC_KEY_METHOD *ec_method;
static EVP_PKEY_METHOD *ed25519_method;

void keeper_use(int fd)
{
  keeper_fd = fd;
}

/* Returns the length of the answer, or -1. */
static int ask(question *q, void const *input, size_t n, unsigned char *answer, size_t max)
{
  struct timeval bound = {.tv_sec = ANSWER_SECONDS};
  int pair[2];
  ssize_t got = -1;

  if (n > INPUT_MAX || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -1;
  memcpy(q->input, input, n);
  if (setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound) == 0 &&
      fdpass_send(keeper_fd, (char *)q, QUESTION_HEAD + n, pair + 1, 1) == 0)
  {
    fd_close(pair[1]);
    pair[1] = -1;
    do got = recv(pair[0], answer, max, 0);
    while (got < 0 && errno == EINTR);
  }
  if (pair[1] >= 0) fd_close(pair[1]);
  fd_close(pair[0]);
  return got > 0 ? (int)got : -1;
}

static int remote_rsa(int n, unsigned char const *from, unsigned char *to, RSA *rsa, int padding)
{
  question q = {.key = (uint32_t)(uintptr_t)RSA_get_ex_data(rsa, key_number_rsa), .padding = padding};
  int len;

  if (padding != RSA_NO_PADDING && padding != RSA_PKCS1_PADDING) return -1;
  len = ask(&q, from, (size_t)n, to, (size_t)RSA_size(rsa));
  return len == RSA_size(rsa) ? len : -1;
}

/* Key exchange by RSA decryption is not offered; nothing else decrypts. */
static int no_decryption(int n, unsigned char const *from, unsigned char *to, RSA *rsa, int padding)
{
  (void)n;
  (void)from;
  (void)to;
  (void)rsa;
  (void)padding;
  return -1;
}

static int remote_ecdsa(int type, unsigned char const *digest, int n, unsigned char *to, unsigned int *len,
                        BIGNUM const *kinv, BIGNUM const *r, EC_KEY *ec)
{
  question q = {.key = (uint32_t)(uintptr_t)EC_KEY_get_ex_data(ec, key_number_ec)};
  int got = ask(&q, digest, (size_t)n, to, (size_t)ECDSA_size(ec));

  (void)type;
  (void)kinv;
  (void)r;
  if (got <= 0) return 0;
  *len = (unsigned int)got;
  return 1;
}

#define ED25519_SIZE 64

static int remote_ed25519(EVP_MD_CTX *ctx, unsigned char *to, size_t *len, unsigned char const *text,
                          size_t n)
{
  EVP_PKEY *key = EVP_PKEY_CTX_get0_pkey(EVP_MD_CTX_get_pkey_ctx(ctx));
  question q = {.key = (uint32_t)(uintptr_t)EVP_PKEY_get_ex_data(key, key_number_ed25519)};

  if (to && (*len < ED25519_SIZE || ask(&q, text, n, to, ED25519_SIZE) != ED25519_SIZE)) return 0;
  *len = ED25519_SIZE;
  return 1;
}

/* Ed25519 has no method a key: this one is for all of the process. */
static int make_ed25519_method(void)
{
  EVP_PKEY_METHOD const *usual = EVP_PKEY_meth_find(EVP_PKEY_ED25519);

  key_number_ed25519 = EVP_PKEY_get_ex_new_index(0, 0, 0, 0, 0);
  ed25519_method = EVP_PKEY_meth_new(EVP_PKEY_ED25519, EVP_PKEY_FLAG_SIGCTX_CUSTOM);
  if (key_number_ed25519 < 0 || !usual || !ed25519_method) return -1;
  EVP_PKEY_meth_copy(ed25519_method, usual);
  EVP_PKEY_meth_set_digestsign(ed25519_method, remote_ed25519);
  return EVP_PKEY_meth_add0(ed25519_method) == 1 ? 0 : -1;
}

static int make_methods(void)
{
  if (rsa_method) return 0;
  key_number_rsa = RSA_get_ex_new_index(0, 0, 0, 0, 0);
  key_number_ec = EC_KEY_get_ex_new_index(0, 0, 0, 0, 0);
  rsa_method = RSA_meth_dup(RSA_get_default_method());
  ec_method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
  if (key_number_rsa < 0 || key_number_ec < 0 || !rsa_method || !ec_method) return -1;
  if (!RSA_meth_set_priv_enc(rsa_method, remote_rsa) || !RSA_meth_set_priv_dec(rsa_method, no_decryption))
    return -1;
  EC_KEY_METHOD_set_sign(ec_method, remote_ecdsa, 0, 0);
  return 0;
}

static EVP_PKEY *wrap_rsa(EVP_PKEY *public, void *number)
{
  RSA *rsa = RSAPublicKey_dup(EVP_PKEY_get0_RSA(public));
  EVP_PKEY *key = EVP_PKEY_new();

  if (rsa && key && RSA_set_method(rsa, rsa_method) && RSA_set_ex_data(rsa, key_number_rsa, number) &&
      EVP_PKEY_assign_RSA(key, rsa))
    return key;
  RSA_free(rsa);
  EVP_PKEY_free(key);
  return 0;
}

static EVP_PKEY *wrap_ec(EVP_PKEY *public, void *number)
{
  EC_KEY *ec = EC_KEY_dup(EVP_PKEY_get0_EC_KEY(public));
  EVP_PKEY *key = EVP_PKEY_new();

  if (ec && key && EC_KEY_set_method(ec, ec_method) && EC_KEY_set_ex_data(ec, key_number_ec, number) &&
      EVP_PKEY_assign_EC_KEY(key, ec))
    return key;
  EC_KEY_free(ec);
  EVP_PKEY_free(key);
  return 0;
}

static EVP_PKEY *wrap_ed25519(EVP_PKEY *public, void *number)
{
  unsigned char raw[32];
  size_t n = sizeof raw;
  EVP_PKEY *key;

  if ((!ed25519_method && make_ed25519_method() < 0) || EVP_PKEY_get_raw_public_key(public, raw, &n) != 1)
    return 0;
  key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, 0, raw, n);
  if (key && EVP_PKEY_set_ex_data(key, key_number_ed25519, number) == 1) return key;
  EVP_PKEY_free(key);
  return 0;
}

EVP_PKEY *keeper_key(cert const *c, unsigned int i)
{
  EVP_PKEY *public = X509_get0_pubkey(c->leaf);
  void *number = (void *)(uintptr_t)i;

  if (!public || make_methods() < 0) return 0;
  switch (c->kind)
  {
    case CERT_RSA: return wrap_rsa(public, number);
    case CERT_EC: return wrap_ec(public, number);
    case CERT_ED25519: return wrap_ed25519(public, number);
    default: return 0;
  }
}
