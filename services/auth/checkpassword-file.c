#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/exec.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include <runlib/linefile.h>
#include <runlib/users.h>

#include <services/auth/hash.h>

#define USAGE                                                                                                \
  "usage: checkpassword-file FILE PROG...\n"                                                                 \
  "       checkpassword-file --set [-u OWNER] FILE NAME <PASSWORD\n"                                         \
  "       checkpassword-file --remove FILE NAME\n"

#define HELP                                                                                                 \
  USAGE                                                                                                      \
  "Checks a name and a password (descriptor 3, checkpassword interface) against FILE's lines of\n"           \
  "name:hash, and becomes PROG if they fit. --set and --remove change FILE; the password is the\n"           \
  "first line of the input, and FILE becomes the user's of -u.\n"                                            \
  "See checkpassword-file(8).\n"

enum
{
  REFUSED = 1,
  MISUSED = 2,
  REQUEST_MAX = 512
};

static char secret[REQUEST_MAX + 1]; /* the request or the password: wiped before anything else runs */

static void say(char const *text)
{
  _exit(allwrite(1, text, strlen(text)) == strlen(text) ? 0 : 111);
}

static void usage(void)
{
  allwrite(2, USAGE, sizeof USAGE - 1);
  _exit(100);
}

static void leave(int code)
{
  explicit_bzero(secret, sizeof secret);
  _exit(code);
}

/* --- checking ------------------------------------------------------------------------------------- */

typedef struct request_s request;
struct request_s
{
  char const *name;
  char const *password;
};

static request read_request(void)
{
  request r = {.name = secret, .password = 0};
  size_t len;
  size_t n;

  errno = 0;
  len = allread(3, secret, sizeof secret);
  if (errno) strerr_dief(errno == EBADF ? MISUSED : 111, "unable to read descriptor 3: ", strerror(errno));
  if (len > REQUEST_MAX)
  {
    /* What stays unread in a unix socket makes its other end lose our answer. */
    while (allread(3, secret, sizeof secret) == sizeof secret)
      ;
    leave(REFUSED);
  }
  fd_close(3);
  n = strnlen(secret, len) + 1;
  if (n > len || strnlen(secret + n, len - n) == len - n)
  {
    strerr_warnw("no name and password on descriptor 3");
    leave(MISUSED);
  }
  r.password = secret + n;
  return r;
}

static void check(char const *file, request const *r)
{
  stralloc text = STRALLOC_ZERO;
  users_match m;
  int fits;

  if (linefile_read(&text, file) < 0)
  {
    strerr_warnwsys("unable to read ", file);
    leave(111);
  }
  m = users_find(text.s, text.len, r->name);
  fits = hash_check(&m, r->password);
  if (fits < 0)
  {
    if (errno == EINVAL)
      strerr_warnw(file, ": a hash of no known method belongs to ", r->name);
    else
      strerr_warnwsys("unable to hash the password of ", r->name);
    leave(111);
  }
  if (!fits) leave(REFUSED);
  explicit_bzero(text.s, text.len);
  stralloc_free(&text);
}

static void check_and_run(char const *file, char const *const *prog)
{
  request r = read_request();

  check(file, &r);
  if (setenv("USER", r.name, 1) < 0 || setenv("HOME", "/", 1) < 0 || setenv("SHELL", "/bin/sh", 1) < 0)
    leave(111);
  explicit_bzero(secret, sizeof secret);
  exec(prog);
  strerr_diefsys(111, "unable to run ", prog[0]);
}

/* --- changing ------------------------------------------------------------------------------------- */

static void read_password(char const *name)
{
  char const *fault;
  size_t len;
  char *end;

  errno = 0;
  len = allread(0, secret, sizeof secret - 1);
  if (errno) strerr_diefsys(111, "unable to read the password");
  end = memchr(secret, '\n', len);
  if (end) len = (size_t)(end - secret);
  if (memchr(secret, 0, len)) strerr_dief(100, "the password contains a NUL");
  secret[len] = 0;
  fault = users_pair_fault(name, secret);
  if (fault) strerr_dief(100, fault);
}

static void update(char const *file, char const *name, char const *hash, char const *owner)
{
  uid_t uid = (uid_t)-1;
  gid_t gid = (gid_t)-1;
  int found;

  if (owner)
  {
    struct passwd *pw = getpwnam(owner);
    if (!pw) strerr_dief(100, "no such user: ", owner);
    uid = pw->pw_uid;
    gid = pw->pw_gid;
  }
  found = users_update(file, name, hash, uid, gid);
  if (found < 0) strerr_diefsys(111, "unable to change ", file);
  if (!hash && !found) strerr_dief(1, file, ": no such name: ", name);
}

static void set(char const *const *argv)
{
  char hash[HASH_MAX];
  char const *owner = 0;

  if (argv[0] && !strcmp(argv[0], "-u") && argv[1])
  {
    owner = argv[1];
    argv += 2;
  }
  if (!argv[0] || !argv[1] || argv[2]) usage();
  read_password(argv[1]);
  if (hash_make(hash, secret) < 0) strerr_diefsys(111, "unable to hash the password");
  explicit_bzero(secret, sizeof secret);
  update(argv[0], argv[1], hash, owner);
}

static void remove_name(char const *const *argv)
{
  char const *fault;

  if (!argv[0] || !argv[1] || argv[2]) usage();
  fault = users_name_fault(argv[1]);
  if (fault) strerr_dief(100, "the name ", fault);
  update(argv[0], argv[1], 0, 0);
}

int main(int argc, char const *const *argv)
{
  char const *command = argc > 1 ? argv[1] : "";

  PROG = "checkpassword-file";
  if (!strcmp(command, "--help")) say(HELP);
  if (!strcmp(command, "--version")) say("checkpassword-file (mailctl) " VERSION "\n");
  if (!strcmp(command, "--set"))
    set(argv + 2);
  else if (!strcmp(command, "--remove"))
    remove_name(argv + 2);
  else if (argc < 3 || command[0] == '-')
    usage();
  else
    check_and_run(command, argv + 2);
  return 0;
}
