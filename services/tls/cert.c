#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "cert-internal.h"
#include "malloc-internal.h"

static int wrong(char why[WHY_MAX], char const *path, char const *text)
{
  snprintf(why, WHY_MAX, "%s: %s", path, text);
  ERR_clear_error();
  return -1;
}

static int openssl_wrong(char why[WHY_MAX], char const *path, char const *otherwise)
{
  char const *reason = malloc_is_spent() ? "out of memory" : ERR_reason_error_string(ERR_peek_last_error());
  return wrong(why, path, reason ? reason : otherwise);
}

/* A server that waits for a password at its start does not start. */
static int no_password(char *buf, int size, int writing, void *data)
{
  (void)buf;
  (void)size;
  (void)writing;
  (void)data;
  return -1;
}

static FILE *open_file(char const *path, char why[WHY_MAX])
{
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  FILE *f = fd >= 0 ? fdopen(fd, "r") : 0;
  struct stat st;

  if (f && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) return f;
  wrong(why, path, f ? "not a regular file" : strerror(errno));
  if (f)
    fclose(f);
  else if (fd >= 0)
    close(fd);
  return 0;
}

static int read_chain(cert *c, FILE *f)
{
  X509 *x;

  c->chain = sk_X509_new_null();
  if (!c->chain) return -1;
  while ((x = PEM_read_X509(f, 0, no_password, 0)))
    if (!sk_X509_push(c->chain, x))
    {
      X509_free(x);
      return -1;
    }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) return -1;
  ERR_clear_error();
  return 0;
}

char const *const cert_kind_names[CERT_KINDS] = {"RSA", "EC", "Ed25519"};

static int find_kind(cert *c)
{
  EVP_PKEY *public = X509_get0_pubkey(c->leaf);

  switch (public ? EVP_PKEY_get_base_id(public) : 0)
  {
    case EVP_PKEY_RSA: c->kind = CERT_RSA; return 0;
    case EVP_PKEY_EC: c->kind = CERT_EC; return 0;
    case EVP_PKEY_ED25519: c->kind = CERT_ED25519; return 0;
    default: return -1;
  }
}

int cert_load(cert *c, char const *path, char why[WHY_MAX])
{
  FILE *f = open_file(path, why);

  *c = (cert)CERT_ZERO;
  if (!f) return -1;
  c->path = path;
  c->leaf = PEM_read_X509(f, 0, no_password, 0);
  if (!c->leaf)
    openssl_wrong(why, path, "no certificate in it");
  else if (read_chain(c, f) < 0)
    openssl_wrong(why, path, "unreadable after its first certificate");
  else if (find_kind(c) < 0)
    wrong(why, path, "its key is neither RSA, EC nor Ed25519");
  else
  {
    fclose(f);
    return 0;
  }
  fclose(f);
  cert_free(c);
  return -1;
}

void cert_free(cert *c)
{
  X509_free(c->leaf);
  sk_X509_pop_free(c->chain, X509_free);
  *c = (cert)CERT_ZERO;
}

static int private_enough(FILE *f, char const *path, char why[WHY_MAX])
{
  struct stat st;

  if (fstat(fileno(f), &st) < 0) return wrong(why, path, strerror(errno));
  if (!(st.st_mode & (S_IRWXO | S_IWGRP | S_IXGRP))) return 0;
  snprintf(why, WHY_MAX, "%s: the private key is open to others: run `chmod %s %s`", path,
           st.st_mode & S_IRGRP ? "u=rw,g=r,o=" : "u=rw,go=", path);
  return -1;
}

EVP_PKEY *cert_key(char const *path, char why[WHY_MAX])
{
  FILE *f = open_file(path, why);
  EVP_PKEY *key = 0;

  if (!f) return 0;
  if (private_enough(f, path, why) == 0)
  {
    key = PEM_read_PrivateKey(f, 0, no_password, 0);
    if (!key && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_BAD_PASSWORD_READ)
      wrong(why, path, "the key is locked with a password: write it without one (openssl pkey)");
    else if (!key)
      openssl_wrong(why, path, "no private key in it");
  }
  fclose(f);
  return key;
}

int cert_match(cert const *c, EVP_PKEY *key, char const *keypath, char why[WHY_MAX])
{
  if (X509_check_private_key(c->leaf, key) == 1) return 0;
  snprintf(why, WHY_MAX, "%s: not the key of the certificate in %s", keypath, c->path);
  ERR_clear_error();
  return -1;
}

int cert_has_name(cert const *c, char const *name)
{
  return X509_check_host(c->leaf, name, strlen(name), 0, 0) == 1;
}

static int common_name(cert const *c, int (*f)(char const *, void *), void *data)
{
  char name[256];
  int n = X509_NAME_get_text_by_NID(X509_get_subject_name(c->leaf), NID_commonName, name, sizeof name);

  return n > 0 && (size_t)n == strlen(name) ? f(name, data) : 0;
}

int cert_names(cert const *c, int (*f)(char const *name, void *data), void *data)
{
  GENERAL_NAMES *names = X509_get_ext_d2i(c->leaf, NID_subject_alt_name, 0, 0);
  int found = 0;
  int result = 0;

  for (int i = 0; i < sk_GENERAL_NAME_num(names) && !result; i++)
  {
    GENERAL_NAME const *g = sk_GENERAL_NAME_value(names, i);
    if (g->type != GEN_DNS) continue;
    char const *s = (char const *)ASN1_STRING_get0_data(g->d.dNSName);
    if (strlen(s) != (size_t)ASN1_STRING_length(g->d.dNSName)) continue;
    found = 1;
    result = f(s, data);
  }
  GENERAL_NAMES_free(names);
  return found ? result : common_name(c, f, data);
}

static time_t seconds(ASN1_TIME const *t)
{
  struct tm tm;
  return ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

time_t cert_expires(cert const *c)
{
  time_t first = seconds(X509_get0_notAfter(c->leaf));

  for (int i = 0; i < sk_X509_num(c->chain); i++)
  {
    time_t t = seconds(X509_get0_notAfter(sk_X509_value(c->chain, i)));
    if (t < first) first = t;
  }
  return first;
}

time_t cert_begins(cert const *c)
{
  return seconds(X509_get0_notBefore(c->leaf));
}
