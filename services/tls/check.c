#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include "cert-internal.h"
#include "check-internal.h"
#include "context-internal.h"
#include "keeper-internal.h"
#include "settings-internal.h"
#include "ticket-internal.h"

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

static time_t seconds(ASN1_TIME const *t)
{
  struct tm tm;
  return ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

/* Clients mind, but nobody here: a certificate's days are a warning, so that they stop no other service. */
static void say_days(cert const *c)
{
  time_t now = time(0);
  time_t end = seconds(X509_get0_notAfter(c->leaf));
  long days = (long)((end - now) / DAY);

  if (cert_begins(c) > now)
    printf("warning: %s: not valid before %s", c->path, ctime(&(time_t){cert_begins(c)}));
  if (end < now)
    printf("warning: %s: has expired, and clients that verify refuse it: %s", c->path, ctime(&end));
  else if (days < WARN_DAYS)
    printf("warning: %s: ends in %ld days\n", c->path, days);
  else
    printf("%s: %ld days left\n", c->path, days);
}

/* Each certificate of the chain whose days are over, by its subject. */
static void say_chain_days(cert const *c)
{
  time_t now = time(0);

  for (int i = 0; i < sk_X509_num(c->chain); i++)
  {
    X509 *x = sk_X509_value(c->chain, i);
    time_t end = seconds(X509_get0_notAfter(x));
    char name[256] = "";
    if (end - now >= WARN_DAYS * DAY) continue;
    X509_NAME_oneline(X509_get_subject_name(x), name, sizeof name);
    if (end < now)
      printf(
          "warning: %s: certificate %d of the chain, %s, has expired: take it out unless clients need it\n",
          c->path, i + 2, name);
    else
      printf("warning: %s: certificate %d of the chain, %s, ends in %ld days\n", c->path, i + 2, name,
             (long)((end - now) / DAY));
  }
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

static int is_name(char const *name, void *other)
{
  return !strcmp(name, other);
}

/* As a client is served: a wildcard counts for names, and for itself. */
static int serves(cert const *c, char const *name)
{
  return *name == '*' ? cert_names(c, is_name, (void *)(uintptr_t)name) : cert_has_name(c, name);
}

typedef struct certs_s certs;
struct certs_s
{
  cert list[CERTIFICATES_MAX];
  unsigned int n;
  unsigned int at; /* the one whose names are told */
};

/* One name, unless a certificate before has it, and the kinds of keys that it can be served with. */
static int say_kinds(char const *name, void *data)
{
  certs const *cs = data;
  char const *separator = ": ";

  for (unsigned int i = 0; i < cs->at; i++)
    if (cert_names(cs->list + i, is_name, (void *)(uintptr_t)name)) return 0;
  printf("name %s", name);
  for (cert_kind k = 0; k < CERT_KINDS; k++)
    for (unsigned int i = 0; i < cs->n; i++)
    {
      if (cs->list[i].kind != k || !serves(cs->list + i, name)) continue;
      printf("%s%s", separator, cert_kind_names[k]);
      separator = ", ";
      break;
    }
  printf("\n");
  return 0;
}

static void check_files(certificate_files const *f, certs *cs)
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
    say_chain_days(&c);
    if (follow_chain(&c) == 0) say_trust(&c);
    cs->list[cs->n++] = c;
  }
  EVP_PKEY_free(key);
}

/* The very contexts that would serve, with their keys in a keeper, shake hands with themselves. */
static void check_handshakes(settings const *st)
{
  static ticket_ring tickets;
  static contexts cs;
  char why[WHY_MAX];
  int fds[2];
  pid_t pid;

  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0 || ticket_init(&tickets) < 0)
    strerr_diefusys(111, "prepare a handshake");
  pid = fork();
  if (pid < 0) strerr_diefusys(111, "fork");
  if (!pid)
  {
    fd_close(fds[0]);
    if (keeper_load(st, why) == 0) keeper_serve(fds[1]);
    _exit(0);
  }
  fd_close(fds[1]);
  ticket_use(&tickets);
  keeper_use(fds[0]);
  if (contexts_build(&cs, st, why) < 0 || contexts_warm(&cs, st, why) < 0) error(why);
  fd_close(fds[0]);
  waitpid_nointr(pid, 0, 0);
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
  {
    static certs cs;
    for (unsigned int i = 0; i < st.nfiles; i++) check_files(st.files + i, &cs);
    for (cs.at = 0; cs.at < cs.n; cs.at++) cert_names(&cs.list[cs.at], say_kinds, &cs);
    if (fflush(stdout)) strerr_diefusys(111, "write the report");
    if (!errors) check_handshakes(&st);
  }
  stralloc_free(&text);
  if (fflush(stdout) || ferror(stdout)) strerr_diefusys(111, "write the report");
  return errors ? 1 : 0;
}
