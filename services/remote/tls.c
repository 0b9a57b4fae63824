#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tls.h"

static SSL_CTX *context;
static int authorities; /* they are read */

int tls_warm(void)
{
  if (context) return 0;
  context = SSL_CTX_new(TLS_client_method());
  if (!context || SSL_CTX_dane_enable(context) <= 0) return -1;
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return 0;
}

int tls_init(char const *cafile)
{
  if (tls_warm() < 0) return -1;
  if (!cafile) return 0;
  authorities = 1;
  return SSL_CTX_load_verify_file(context, cafile) == 1 ? 0 : -1;
}

/* Of the usages, only 2 (an authority's) and 3 (the server's own) are for mail (RFC 7672, 3.1.3). */
static int is_usable(dns_answer const *a, unsigned int i)
{
  return a->records[i].len > 3 &&
         (a->message.s[a->records[i].at] == 2 || a->message.s[a->records[i].at] == 3);
}

dane dane_of(target const *t)
{
  dns_answer const *a = &t->host->tlsa;

  if (!t->host->secure || !(t->family == 4 ? t->host->a.secure : t->host->aaaa.secure)) return DANE_NONE;
  if (a->state == DNS_FAILED) return DANE_BROKEN;
  if (a->state != DNS_FOUND || !a->secure) return DANE_NONE;
  for (unsigned int i = 0; i < a->n; i++)
    if (is_usable(a, i)) return DANE_USABLE;
  return DANE_UNUSABLE;
}

/* Records that OpenSSL does not know are left out; if none is left, nothing verifies. */
static int add_dane(SSL *ssl, exchanger const *host)
{
  dns_answer const *a = &host->tlsa;

  if (SSL_dane_enable(ssl, host->name) <= 0) return -1;
  SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
  for (unsigned int i = 0; i < a->n; i++)
  {
    uint8_t const *s = (uint8_t const *)a->message.s + a->records[i].at;
    if (is_usable(a, i) && SSL_dane_tlsa_add(ssl, s[0], s[1], s[2], s + 3, a->records[i].len - 3) < 0)
      return -1;
  }
  return 0;
}

static int add_name(SSL *ssl, exchanger const *host)
{
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (*host->name != '[') return SSL_set1_host(ssl, host->name) == 1 ? 0 : -1;
  /* an address, without its brackets */
  char ip[DNS_NAME];
  strcpy(ip, host->name + 1);
  ip[strcspn(ip, "]")] = 0;
  return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), ip) == 1 ? 0 : -1;
}

static char const *reason(SSL const *ssl)
{
  long verdict = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
  unsigned long e = ERR_peek_last_error();
  char const *text = e ? ERR_reason_error_string(e) : 0;

  if (verdict != X509_V_OK) return X509_verify_cert_error_string(verdict);
  return text ? text : errno ? strerror(errno) : "no memory for TLS";
}

static SSL *prepare(target const *t, tls_level level, int by_dane)
{
  SSL *ssl = SSL_new(context);

  if (!ssl) return 0;
  if (by_dane ? add_dane(ssl, t->host) == 0
              : (*t->host->name == '[' || SSL_set_tlsext_host_name(ssl, t->host->name) == 1) &&
                    (level != TLS_VERIFY || add_name(ssl, t->host) == 0))
  {
    SSL_set_verify(ssl, by_dane || level == TLS_VERIFY ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, 0);
    return ssl;
  }
  SSL_free(ssl);
  return 0;
}

int tls_open(conn *c, target const *t, tls_level level, unsigned int seconds, stralloc *facts,
             char const **why)
{
  int by_dane = dane_of(t) == DANE_USABLE;
  SSL *ssl;

  ERR_clear_error();
  errno = 0;
  if (level == TLS_VERIFY && !by_dane && !authorities)
  {
    *why = "no certificates of authorities are known";
    return -1;
  }
  ssl = prepare(t, level, by_dane);
  if (!ssl || conn_shake(c, ssl, seconds) < 0)
  {
    *why = reason(ssl);
    return -1;
  }
  *why = "out of memory";
  return stralloc_cats(facts, SSL_get_version(ssl)) && stralloc_cats(facts, " ") &&
                 stralloc_cats(facts, SSL_get_cipher_name(ssl)) &&
                 stralloc_cats(facts, by_dane               ? ", verified by DANE"
                                      : level == TLS_VERIFY ? ", verified"
                                                            : ", not verified")
             ? 0
             : -1;
}
