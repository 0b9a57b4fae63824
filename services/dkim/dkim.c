#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <skalibs/allreadwrite.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>
#include <skalibs/uint64.h>

#include <runlib/confine.h>
#include <runlib/dkimclient.h>
#include <runlib/fdpass.h>

#include "keys.h"
#include "sign.h"

#define USAGE                                                                                                \
  "dkim DIRECTORY | dkim --new DIRECTORY DOMAIN | dkim --list DIRECTORY | dkim --records DIRECTORY | "       \
  "dkim --retire DIRECTORY DOMAIN SELECTOR"

static char const help[] =
    "usage: " USAGE "\n"
    "Signs one message with the keys of DIRECTORY: what comes with a request on descriptor 0.\n"
    "  --new      makes keys for DOMAIN, RSA and Ed25519, and shows their records\n"
    "  --list     all keys\n"
    "  --records  what the DNS must have, as lines of a zone file\n"
    "  --retire   the key signs no more; its record must stay for a week\n"
    "See dkim(8).\n";

#define MEMORY      (64UL << 20)
#define DESCRIPTORS 16U

/* For good: of all files, only those with the keys can be read, and nobody can be talked to. */
static void confine(char const *directory)
{
  static confine_calls calls;
  int paths = confine_paths();

  confine_calls_make(&calls, CONFINE_FILES | CONFINE_ENTRIES);
  if (confine_self() < 0 || confine_resources(MEMORY, DESCRIPTORS, 0) < 0 ||
      (paths < 0 ? errno != EOPNOTSUPP
                 : confine_paths_add(paths, directory, CONFINE_READ | CONFINE_LIST) < 0 ||
                       confine_paths_enter(paths) < 0) ||
      confine_calls_enter(&calls) < 0)
    strerr_diefusys(111, "confine itself");
}

/* The keys of the domain, or of one above it, which may sign for it as well. */
static int find_keys(int directory, char **domain, dkim_key *keys)
{
  for (;;)
  {
    int n = keys_read(directory, *domain, keys, KEYS_MAX, 0);
    char *dot = strchr(*domain, '.');
    if (n >= 0 || errno != ENOENT || !dot) return n;
    *domain = dot + 1;
  }
}

static char const *sign(int directory, int fd, uint64_t len, stralloc *out)
{
  stralloc header = STRALLOC_ZERO;
  dkim_key keys[KEYS_MAX];
  char name[256], *domain = name;
  int n;

  if (sign_read_header(fd, len, &header) < 0)
    return errno == EMSGSIZE ? "the message's header is too long" : "the message cannot be read";
  if (sign_domain(&header, name) < 0) return 0;
  n = find_keys(directory, &domain, keys);
  if (n < 0)
    return errno == ENOENT   ? 0
           : errno == EACCES ? "a key cannot be read, or others may read it"
           : errno == EPROTO ? "a key's file has no key"
                             : strerror(errno);
  if (sign_message(fd, len, &header, domain, keys, (unsigned int)n, (uint64_t)time(0), out) < 0)
    return "unable to sign";
  keys_free(keys, (unsigned int)n);
  stralloc_free(&header);
  return 0;
}

static int serve(char const *path)
{
  int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
  stralloc out = STRALLOC_ZERO;
  char request[8];
  char const *why;
  uint64_t len;

  if (directory < 0) strerr_diefusys(111, "open ", path);
  confine(path);
  if (fdpass_receive(0, request, sizeof request, &fd, 1, 0) != sizeof request)
    strerr_dief(111, "this is no request");
  uint64_unpack_big(request, &len);
  if (!stralloc_catb(&out, "K", 1)) strerr_diefusys(111, "answer");
  why = sign(directory, fd, len, &out);
  if (why)
  {
    strerr_warnw(why);
    out.len = 0;
    if (!stralloc_cats(&out, "Z") || !stralloc_cats(&out, why)) strerr_diefusys(111, "answer");
  }
  return allwrite(1, out.s, out.len) == out.len ? 0 : 111;
}

int main(int argc, char const *const *argv)
{
  PROG = "dkim";
  sig_ignore(SIGPIPE);
  if (argc == 2 && !strcmp(argv[1], "--help")) return fputs(help, stdout) < 0 || fflush(stdout) ? 111 : 0;
  if (argc == 2 && !strcmp(argv[1], "--version"))
    return puts("dkim (mailctl) " VERSION) < 0 || fflush(stdout) ? 111 : 0;
  if (argc == 4 && !strcmp(argv[1], "--new")) return keys_new(argv[2], argv[3]);
  if (argc == 3 && !strcmp(argv[1], "--list")) return keys_list(argv[2], 0);
  if (argc == 3 && !strcmp(argv[1], "--records")) return keys_list(argv[2], 1);
  if (argc == 5 && !strcmp(argv[1], "--retire")) return keys_retire(argv[2], argv[3], argv[4]);
  if (argc == 2 && argv[1][0] != '-') return serve(argv[1]);
  strerr_dieusage(100, USAGE);
}
