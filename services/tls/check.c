#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include "cert-internal.h"
#include "check-internal.h"
#include "settings-internal.h"

#define DAY       86400
#define WARN_DAYS 14

static unsigned int errors;

static void error(char const *text)
{
  errors++;
  printf("error: %s\n", text);
}

static int add_name(char const *name, void *data)
{
  return !stralloc_cats(data, " ") || !stralloc_cats(data, name);
}

static void say_days(cert const *c)
{
  time_t now = time(0);
  time_t end = cert_expires(c);
  long days = (long)((end - now) / DAY);

  if (cert_begins(c) > now)
  {
    errors++;
    printf("error: %s: not valid before %s", c->path, ctime(&(time_t){cert_begins(c)}));
  }
  if (end < now)
  {
    errors++;
    printf("error: %s: has expired: %s", c->path, ctime(&end));
  }
  else if (days < WARN_DAYS)
    printf("warning: %s: ends in %ld days\n", c->path, days);
  else
    printf("%s: %ld days left\n", c->path, days);
}

static void say_names(cert const *c)
{
  stralloc names = STRALLOC_ZERO;

  cert_names(c, add_name, &names);
  if (!names.len)
    printf("warning: %s: has no name\n", c->path);
  else if (stralloc_0(&names))
    printf("%s: %s, for%s\n", c->path, cert_kind_names[c->kind], names.s);
  stralloc_free(&names);
}

static int is_self_signed(X509 *x)
{
  return X509_get_extension_flags(x) & EXFLAG_SS;
}

/* Each certificate of the file must be the issuer of the one before it. Returns 0, or -1. */
static int follow_chain(cert const *c)
{
  X509 *below = c->leaf;

  for (int i = 0; i < sk_X509_num(c->chain); i++)
  {
    X509 *x = sk_X509_value(c->chain, i);
    if (X509_check_issued(x, below) != X509_V_OK || X509_verify(below, X509_get0_pubkey(x)) != 1)
    {
      errors++;
      printf("error: %s: certificate %d of the chain did not issue the one before it\n", c->path, i + 2);
      ERR_clear_error();
      return -1;
    }
    below = x;
  }
  return 0;
}

/* Whether a client with this machine's list of authorities would trust it. */
static void say_trust(cert const *c)
{
  X509_STORE *store = X509_STORE_new();
  X509_STORE_CTX *ctx = X509_STORE_CTX_new();

  if (is_self_signed(c->leaf))
    printf("%s: self-signed; clients that verify will refuse it\n", c->path);
  else if (store && ctx && X509_STORE_set_default_paths(store) == 1 &&
           X509_STORE_CTX_init(ctx, store, c->leaf, c->chain) == 1)
  {
    X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
    if (X509_verify_cert(ctx) == 1)
      printf("%s: the chain is complete\n", c->path);
    else
      printf("warning: %s: chain: %s\n", c->path,
             X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
  }
  X509_STORE_CTX_free(ctx);
  X509_STORE_free(store);
  ERR_clear_error();
}

static void check_files(certificate_files const *f)
{
  char why[WHY_MAX];
  cert c;
  EVP_PKEY *key = cert_key(f->key, why);

  if (!key) error(why);
  if (cert_load(&c, f->certificate, why) < 0)
    error(why);
  else
  {
    if (key && cert_match(&c, key, f->key, why) < 0) error(why);
    say_names(&c);
    say_days(&c);
    if (follow_chain(&c) == 0) say_trust(&c);
    cert_free(&c);
  }
  EVP_PKEY_free(key);
}

int check_config(char const *config)
{
  stralloc text = STRALLOC_ZERO;
  settings st;
  unsigned int line;
  char const *wrong;
  int from_stdin = !strcmp(config, "-");

  if (!(from_stdin ? slurp(&text, 0) : openslurpclose(&text, config)) || !stralloc_0(&text))
    strerr_diefusys(111, "read ", from_stdin ? "stdin" : config);
  wrong = settings_scan(&st, text.s, &line);
  if (wrong)
  {
    errors++;
    printf("error: %s:%u: %s\n", config, line, wrong);
  }
  else
    for (unsigned int i = 0; i < st.nfiles; i++) check_files(st.files + i);
  stralloc_free(&text);
  if (fflush(stdout) || ferror(stdout)) strerr_diefusys(111, "write the report");
  return errors ? 1 : 0;
}
