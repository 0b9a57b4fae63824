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

/* Acknowledges the name. An unknown one is no error: a mail client goes by the certificate, or does not care (RFC 7672, 8.1). */
static int servername(SSL *ssl, int *alert, void *data)
{
  (void)ssl;
  (void)alert;
  (void)data;
  return SSL_TLSEXT_ERR_OK;
}

static int load(contexts *cs, unsigned int i, char const *path, char why[WHY_MAX])
{
  identity *id = cs->list + i;
  time_t end;

  if (cert_load(&id->c, path, why) < 0) return -1;
  id->key = keeper_key(&id->c, i);
  if (!id->key) return wrong(why, "certificate", path);
  while (id->group < i && !same_names(&cs->list[id->group].c, &id->c)) id->group++;
  end = cert_expires(&id->c);
  if (!cs->expires || end < cs->expires) cs->expires = end;
  return 0;
}

/* Whether any of them are for other names than the first. */
static int is_choice(contexts const *cs)
{
  for (unsigned int i = 0; i < cs->n; i++)
    if (cs->list[i].group) return 1;
  return 0;
}

int contexts_build(contexts *cs, settings const *st, char why[WHY_MAX])
{
  memset(cs, 0, sizeof *cs);
  cs->ctx = new_context(st, why);
  if (!cs->ctx) return -1;
  for (cs->n = 0; cs->n < st->nfiles; cs->n++)
    if (load(cs, cs->n, st->files[cs->n].certificate, why) < 0) return -1;
  /* The last that is used of a kind is the one that stays. */
  for (unsigned int i = cs->n; i--;)
  {
    identity const *id = cs->list + i;
    if (SSL_CTX_use_cert_and_key(cs->ctx, id->c.leaf, id->key, id->c.chain, 1) != 1)
      return wrong(why, "certificate", id->c.path);
  }
  SSL_CTX_set_tlsext_servername_callback(cs->ctx, servername);
  if (is_choice(cs)) SSL_CTX_set_cert_cb(cs->ctx, choice_make, cs);
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

/* A server with this one certificate. */
static SSL *new_server(SSL_CTX *ctx, identity const *id)
{
  SSL *server = SSL_new(ctx);

  if (!server) return 0;
  SSL_set_cert_cb(server, 0, 0);
  SSL_certs_clear(server);
  if (SSL_use_cert_and_key(server, id->c.leaf, id->key, id->c.chain, 1) == 1) return server;
  SSL_free(server);
  return 0;
}

/* *session: taken up if there is one, then replaced by the new one. */
static int shake(SSL_CTX *client_ctx, contexts const *cs, identity const *id, int version,
                 SSL_SESSION **session)
{
  static char const *const algorithms[CERT_KINDS] = {"RSA-PSS+SHA256:RSA+SHA256",
                                                     "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512", "ed25519"};
  SSL *client = SSL_new(client_ctx);
  SSL *server = new_server(cs->ctx, id);
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
    if (SSL_set1_sigalgs_list(client, algorithms[id->c.kind]) == 1 &&
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
static int warm_certificate(SSL_CTX *client, contexts const *cs, identity const *id, int version)
{
  SSL_SESSION *session = 0;
  int result = shake(client, cs, id, version, &session);

  if (!result) result = shake(client, cs, id, version, &session);
  SSL_SESSION_free(session);
  return result;
}

/* The administrator's ciphers of TLS 1.2 may be for one kind of keys: then each group needs one of that kind. */
static int warm_version(SSL_CTX *client, contexts const *cs, settings const *st, int version,
                        char why[WHY_MAX])
{
  int some = version == TLS1_2_VERSION && st->ciphers;
  char good[CERTIFICATES_MAX] = {0};

  for (unsigned int i = 0; i < cs->n; i++)
  {
    identity const *id = cs->list + i;
    if (!warm_certificate(client, cs, id, version))
      good[id->group] = 1;
    else if (some)
      ERR_clear_error();
    else
      return wrong(why, id->c.path, "does not pass a handshake of its own");
  }
  for (unsigned int i = 0; i < cs->n; i++)
    if (!good[cs->list[i].group])
      return wrong(why, "ciphers", "TLS 1.2 cannot be served with these certificates");
  return 0;
}

int contexts_warm(contexts const *cs, settings const *st, char why[WHY_MAX])
{
  SSL_CTX *client = SSL_CTX_new(TLS_client_method());
  int result =
      client && SSL_CTX_set1_groups_list(client, CLIENT_GROUPS) == 1 ? 0 : wrong(why, "TLS", "context");

  if (!result && st->minor <= 2) result = warm_version(client, cs, st, TLS1_2_VERSION, why);
  if (!result) result = warm_version(client, cs, st, TLS1_3_VERSION, why);
  SSL_CTX_free(client);
  return result;
}
