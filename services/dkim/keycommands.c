#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <skalibs/strerr.h>

#include "keys.h"

#define RSA_BITS 2048

/* A domain, or a selector, as a file name and in the DNS. */
static int is_name(char const *s)
{
  return *s && *s != '.' && strlen(s) < 200 && !s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.")] &&
         !strstr(s, "..");
}

/* The record's text: an RSA key as SubjectPublicKeyInfo, an Ed25519 one as its 32 bytes (RFC 8463, 4.2). */
static int print_record(char const *domain, dkim_key const *k)
{
  unsigned char raw[1024], *der = raw, text[1400];
  size_t n = sizeof raw;
  int len, ed = key_is_ed25519(k);

  if (ed)
    len = EVP_PKEY_get_raw_public_key(k->key, raw, &n) > 0 ? (int)n : 0;
  else
    len = i2d_PUBKEY(k->key, 0) < (int)sizeof raw ? i2d_PUBKEY(k->key, &der) : 0;
  if (len <= 0) return -1;
  len = EVP_EncodeBlock(text, raw, len);
  printf("%s._domainkey.%s. IN TXT ( \"v=DKIM1; k=%s; p=\"", k->selector, domain, ed ? "ed25519" : "rsa");
  for (int i = 0; i < len; i += 200) printf("\n  \"%.200s\"", (char const *)text + i);
  printf(" )\n");
  return 0;
}

static int write_key(int at, char const *selector, EVP_PKEY *key)
{
  char file[SELECTOR_SIZE + 8];
  FILE *f;
  int fd, done;

  snprintf(file, sizeof file, "%s.key", selector);
  fd = openat(at, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  f = fdopen(fd, "w");
  done = f && PEM_write_PrivateKey(f, key, 0, 0, 0, 0, 0) > 0 && !fflush(f) && !fsync(fd);
  if (f)
    done &= !fclose(f);
  else
    close(fd);
  if (done) return 0;
  unlinkat(at, file, 0);
  return -1;
}

/* Makes one key, whose selector says when it was made, and shows its record. */
static int make_key(int at, char const *domain, char const *day, int ed)
{
  dkim_key k = {.key = ed ? EVP_PKEY_Q_keygen(0, 0, "ED25519") : EVP_RSA_gen(RSA_BITS), .retired = 0};
  int result = -1;

  snprintf(k.selector, sizeof k.selector, "%s%s", ed ? "e" : "r", day);
  if (k.key && write_key(at, k.selector, k.key) == 0) result = print_record(domain, &k);
  EVP_PKEY_free(k.key);
  return result;
}

int keys_new(char const *path, char const *domain)
{
  char day[32];
  time_t now = time(0);
  int directory, at;

  if (!is_name(domain)) strerr_dief(100, "a domain's name in lower case, not ", domain);
  umask(077);
  strftime(day, sizeof day, "%Y%m%d", gmtime(&now));
  directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) strerr_diefusys(111, "open ", path);
  if (mkdirat(directory, domain, 0700) < 0 && errno != EEXIST)
    strerr_diefusys(111, "make ", path, "/", domain);
  at = openat(directory, domain, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (at < 0) strerr_diefusys(111, "open ", path, "/", domain);
  if (make_key(at, domain, day, 1) < 0 || make_key(at, domain, day, 0) < 0)
  {
    if (errno == EEXIST) strerr_dief(1, domain, " has a key of today already");
    strerr_diefusys(111, "make a key in ", path, "/", domain);
  }
  return 0;
}

#define LISTED 64U

static int list_domain(int directory, char const *domain, int records)
{
  dkim_key keys[LISTED];
  int n = keys_read(directory, domain, keys, LISTED, 1), result = 0;

  if (n < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
  for (dkim_key *k = keys; k < keys + n && !result; k++)
    if (records)
      result = print_record(domain, k);
    else
      printf("%-30s %-16s %-8s %s\n", domain, k->selector, key_is_ed25519(k) ? "ed25519" : "rsa",
             k->retired ? "retired" : "signs");
  keys_free(keys, (unsigned int)n);
  return result;
}

int keys_list(char const *path, int records)
{
  DIR *dir = opendir(path);
  struct dirent *d;

  if (!dir) strerr_diefusys(111, "read ", path);
  while ((d = readdir(dir)))
    if (is_name(d->d_name) && list_domain(dirfd(dir), d->d_name, records) < 0)
      strerr_diefusys(111, "read the keys of ", d->d_name);
  closedir(dir);
  if (fflush(stdout) || ferror(stdout)) strerr_diefusys(111, "write to standard output");
  return 0;
}

int keys_retire(char const *path, char const *domain, char const *selector)
{
  char from[512], to[512];
  int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (!is_name(domain) || !is_name(selector)) strerr_dief(100, "a domain and a selector in lower case");
  if (directory < 0) strerr_diefusys(111, "open ", path);
  snprintf(from, sizeof from, "%s/%s.key", domain, selector);
  snprintf(to, sizeof to, "%s/%s.retired", domain, selector);
  if (renameat(directory, from, directory, to) == 0) return 0;
  if (errno == ENOENT) strerr_dief(1, domain, " has no key ", selector, " that signs");
  strerr_diefusys(111, "rename ", path, "/", from);
}
