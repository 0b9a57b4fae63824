#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "context-internal.h"
#include "keeper-internal.h"
#include "ticket-internal.h"

/* TLS 1.2: forward secrecy only. The keeper does not decrypt, so that key exchange by RSA cannot be had. */
#define CIPHERS     "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL"
#define CIPHERS_OLD "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL:@SECLEVEL=0"
#define GROUPS      "X25519:P-256:P-384"
/* What clients of mail have: one that needs another curve serves nobody. */
#define CLIENT_GROUPS "X25519:P-256:P-384:P-521"

static int wrong(char why[WHY_MAX], char const *what, char const *text)
{
  char const *reason = ERR_reason_error_string(ERR_peek_error());
  snprintf(why, WHY_MAX, "%s %s: %s", what, text, reason ? reason : "out of memory");
  ERR_clear_error();
  return -1;
}

static int set_protocols(SSL_CTX *ctx, settings const *st)
{
  static int const versions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};

  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_PRIORITIZE_CHACHA);
  return SSL_CTX_set_min_proto_version(ctx, versions[st->minor]) == 1 &&
                 SSL_CTX_set_max_proto_version(ctx, 0) == 1
             ? 0
             : -1;
}

static SSL_CTX *new_context(settings const *st, char why[WHY_MAX])
{
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  char const *ciphers = st->ciphers ? st->ciphers : st->minor < 2 ? CIPHERS_OLD : CIPHERS;
  char const *groups = st->groups ? st->groups : GROUPS;

  if (!ctx || set_protocols(ctx, st) < 0)
    wrong(why, "TLS", "context");
  else if (SSL_CTX_set_cipher_list(ctx, ciphers) != 1)
    wrong(why, "ciphers", ciphers);
  else if (SSL_CTX_set1_groups_list(ctx, groups) != 1)
    wrong(why, "groups", groups);
  else
  {
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    ticket_setup(ctx);
    return ctx;
  }
  SSL_CTX_free(ctx);
  return 0;
}

static int covers(char const *name, void *data)
{
  cert const *other = data;
  return !cert_has_name(other, name);
}

static int same_names(cert const *a, cert const *b)
{
  return !cert_names(a, covers, (void *)b) && !cert_names(b, covers, (void *)a);
}

/* One of its certificates: all have the same names. */
static cert const *any(identity const *id)
{
  cert const *c = id->certs;

  while (!c->leaf) c++;
  return c;
}

static identity *find_partner(contexts *cs, cert const *c)
{
  for (unsigned int i = 0; i < cs->n; i++)
  {
    identity *id = cs->list + i;
    if (!id->certs[c->kind].leaf && same_names(c, any(id))) return id;
  }
  return 0;
}

static int servername(SSL *ssl, int *alert, void *data)
{
  char const *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  SSL_CTX *ctx = name ? contexts_find(data, name) : 0;

  (void)alert;
  /* An unknown name is no error: a mail client goes by the certificate, or does not care (RFC 7672, 8.1). */
  if (ctx) SSL_set_SSL_CTX(ssl, ctx);
  return SSL_TLSEXT_ERR_OK;
}

static int use(identity *id, cert const *c, unsigned int number, char why[WHY_MAX])
{
  EVP_PKEY *key = keeper_key(c, number);
  int result = -1;

  if (key && SSL_CTX_use_certificate(id->ctx, c->leaf) == 1 && SSL_CTX_set1_chain(id->ctx, c->chain) == 1 &&
      SSL_CTX_use_PrivateKey(id->ctx, key) == 1)
    result = 0;
  else
    wrong(why, "certificate", c->path);
  EVP_PKEY_free(key);
  return result;
}

static int add(contexts *cs, settings const *st, unsigned int number, char why[WHY_MAX])
{
  cert c;
  identity *id;

  if (cert_load(&c, st->files[number].certificate, why) < 0) return -1;
  id = find_partner(cs, &c);
  if (!id)
  {
    id = cs->list + cs->n++;
    id->ctx = new_context(st, why);
    if (!id->ctx) return -1;
    SSL_CTX_set_tlsext_servername_callback(id->ctx, servername);
    SSL_CTX_set_tlsext_servername_arg(id->ctx, cs);
  }
  id->certs[c.kind] = c;
  time_t end = cert_expires(&c);
  if (!cs->expires || end < cs->expires) cs->expires = end;
  return use(id, &c, number, why);
}

int contexts_build(contexts *cs, settings const *st, char why[WHY_MAX])
{
  memset(cs, 0, sizeof *cs);
  for (unsigned int i = 0; i < st->nfiles; i++)
    if (add(cs, st, i, why) < 0) return -1;
  return 0;
}

SSL_CTX *contexts_find(contexts const *cs, char const *name)
{
  if (cs->n == 1) return cs->list[0].ctx; /* no choice */
  for (unsigned int i = 0; i < cs->n; i++)
  {
    if (cert_has_name(any(cs->list + i), name)) return cs->list[i].ctx;
  }
  return 0;
}

/* --- the handshakes with itself --- */

static int step(SSL *ssl, int *done)
{
  int r;

  if (*done) return 0;
  r = SSL_do_handshake(ssl);
  *done = r == 1;
  if (r == 1) return 0;
  r = SSL_get_error(ssl, r);
  return r == SSL_ERROR_WANT_READ || r == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static int talk(SSL *client, SSL *server)
{
  char byte;
  int ready[2] = {0, 0};

  for (int i = 0; i < 20 && !(ready[0] && ready[1]); i++)
    if (step(client, ready) < 0 || step(server, ready + 1) < 0) return -1;
  if (!ready[0] || !ready[1]) return -1;
  if (SSL_write(server, "x", 1) != 1 || SSL_read(client, &byte, 1) != 1)
    return -1; /* the tickets come along */
  if (SSL_write(client, "x", 1) != 1 || SSL_read(server, &byte, 1) != 1) return -1;
  return 0;
}

/* *session: taken up if there is one, then replaced by the new one. */
static int shake(SSL_CTX *client_ctx, SSL_CTX *server_ctx, int version, char const *algorithms,
                 SSL_SESSION **session)
{
  SSL *client = SSL_new(client_ctx);
  SSL *server = SSL_new(server_ctx);
  BIO *a = 0;
  BIO *b = 0;
  int result = -1;

  if (client && server && BIO_new_bio_pair(&a, 65536, &b, 65536) == 1)
  {
    SSL_set_bio(client, a, a);
    SSL_set_bio(server, b, b);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    SSL_set_min_proto_version(client, version);
    SSL_set_max_proto_version(client, version);
    if (SSL_set1_sigalgs_list(client, algorithms) == 1 &&
        (!*session || SSL_set_session(client, *session) == 1))
      result = talk(client, server);
    SSL_SESSION_free(*session);
    *session = result ? 0 : SSL_get1_session(client);
    SSL_shutdown(client);
    SSL_shutdown(server);
  }
  SSL_free(client);
  SSL_free(server);
  return result;
}

/* One certificate, twice: the second time with the first one's ticket. */
static int warm_certificate(SSL_CTX *client, SSL_CTX *server, int version, cert_kind kind)
{
  static char const *const algorithms[CERT_KINDS] = {"RSA-PSS+SHA256:RSA+SHA256",
                                                     "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512", "ed25519"};
  SSL_SESSION *session = 0;
  int result = shake(client, server, version, algorithms[kind], &session);

  if (!result) result = shake(client, server, version, algorithms[kind], &session);
  SSL_SESSION_free(session);
  return result;
}

/* The administrator's ciphers of TLS 1.2 may be for one kind of keys: then its names need one of that kind. */
static int warm_identity(SSL_CTX *client, identity const *id, settings const *st, int version,
                         char why[WHY_MAX])
{
  int some = version == TLS1_2_VERSION && st->ciphers;
  int good = 0;

  for (int kind = 0; kind < CERT_KINDS; kind++)
  {
    cert const *c = id->certs + kind;
    if (!c->leaf) continue;
    if (!warm_certificate(client, id->ctx, version, c->kind))
      good = 1;
    else if (some)
      ERR_clear_error();
    else
      return wrong(why, c->path, "does not pass a handshake of its own");
  }
  if (good) return 0;
  return wrong(why, "ciphers", "TLS 1.2 cannot be served with these certificates");
}

int contexts_warm(contexts const *cs, settings const *st, char why[WHY_MAX])
{
  SSL_CTX *client = SSL_CTX_new(TLS_client_method());
  int result =
      client && SSL_CTX_set1_groups_list(client, CLIENT_GROUPS) == 1 ? 0 : wrong(why, "TLS", "context");

  for (unsigned int i = 0; i < cs->n && !result; i++)
  {
    if (st->minor <= 2) result = warm_identity(client, cs->list + i, st, TLS1_2_VERSION, why);
    if (!result) result = warm_identity(client, cs->list + i, st, TLS1_3_VERSION, why);
  }
  SSL_CTX_free(client);
  return result;
}
