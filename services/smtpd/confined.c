#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/envelope.h>

#include "confined.h"
#include "spp.h"

#define DATA  (256ul << 20) /* bytes */
#define FILES 64
#define LINKS 8

static int is_builtin(char const *name)
{
  return !strncmp(name, "builtin:", 8);
}

static int runs_programs(options const *o, control const *c)
{
  char const *queue = getenv("QMAILQUEUE");
  spp_section section = SPP_NONE;
  char const *line;
  size_t at = 0;

  if (o->checkpassword || o->recipient_program || !is_builtin(queue && *queue ? queue : o->queue)) return 1;
  while ((line = spp_next(&c->plugins, &at, &section)))
    if (*line != '[' && !is_builtin(line)) return 1;
  return 0;
}

/* A policy server or a milter that is reached by TCP. */
static int asks_inet(options const *o)
{
  for (unsigned int i = 0; i < o->config.policies_n; i++)
    if (!strncmp(o->config.policies[i].address, "inet:", 5)) return 1;
  for (unsigned int i = 0; i < o->config.milters_n; i++)
    if (!strncmp(o->config.milters[i].address, "inet:", 5)) return 1;
  return 0;
}

/* What is not there cannot be reached either. */
static int add(int set, char const *path, unsigned int may)
{
  return confine_paths_add(set, path, may) < 0 && errno != ENOENT && errno != EACCES ? -1 : 0;
}

/*
 * The flag may be a link into the directory of who raises it, by renaming: so it is the directory that must be reached,
 * whether the flag is there or not.
 */
static int add_flag(int set, char const *flag)
{
  char path[PATH_MAX], target[PATH_MAX];
  ssize_t n;

  if (snprintf(path, sizeof path, "%s", flag) >= (int)sizeof path) return 0;
  for (unsigned int i = 0; i < LINKS && (n = readlink(path, target, sizeof target - 1)) > 0; i++)
  {
    char *slash = strrchr(path, '/');
    size_t len = *target == '/' || !slash ? 0 : (size_t)(slash + 1 - path);
    target[n] = 0;
    if (len + (size_t)n >= sizeof path) return 0;
    memcpy(path + len, target, (size_t)n + 1);
  }
  n = (ssize_t)(strrchr(path, '/') ? strrchr(path, '/') - path : 0);
  strcpy(path + n, n ? "" : ".");
  return add(set, path, CONFINE_READ);
}

/*
 * The spool's, unless it is a socket; open from the start, when root may still go everywhere. A session makes new files:
 * their names have 64 bits of chance, and it cannot list them.
 */
static void open_spool(confined *x, char const *spool)
{
  static char const *const names[] = {"tmp", "todo", "held"};
  char path[PATH_MAX];

  for (unsigned int i = 0; i < 3; i++)
  {
    x->spool[i] = -1;
    if (spool && snprintf(path, sizeof path, "%s/%s", spool, names[i]) < (int)sizeof path)
      x->spool[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  }
}

static int add_spool(int set, confined const *x, unsigned int read)
{
  unsigned int const both = CONFINE_MAKE | CONFINE_REMOVE | CONFINE_MOVE;

  if (x->spool[0] < 0 || x->spool[1] < 0) return 0;
  return confine_paths_allow(set, x->spool[0], both | CONFINE_WRITE | read) < 0 ||
                 confine_paths_allow(set, x->spool[1], both | CONFINE_LIST) < 0 ||
                 (x->spool[2] >= 0 && confine_paths_allow(set, x->spool[2], both | CONFINE_LIST) < 0)
             ? -1
             : 0;
}

static int make_paths(confined const *x, options const *o)
{
  int set = confine_paths();
  int e;

  if (set < 0) return errno == EOPNOTSUPP ? -1 : -2;
  if (add(set, "control", CONFINE_READ) == 0 && add(set, "control/morercpthosts.cdb", CONFINE_READ) == 0 &&
      (!o->recipients.rules.aliases || add(set, o->recipients.rules.aliases, CONFINE_READ) == 0) &&
      add_flag(set, o->overload) == 0 && add_spool(set, x, o->config.milters_n ? CONFINE_READ : 0) == 0)
    return set;
  e = errno;
  fd_close(set);
  errno = e;
  return -2;
}

/* A message, its envelope, and what filters put before it. 0: no limit. */
static uint64_t longest(control const *c)
{
  char const *given = getenv("DATABYTES");
  uint64_t message = given ? strtoull(given, 0, 10) : c->databytes;

  return message && message < UINT64_MAX / 2 ? message + 4ull * ENVELOPE_MAX : 0;
}

int confined_make(confined *x, options const *o, control const *c)
{
  if (!x->made) open_spool(x, getenv("SPOOL"));
  if (x->made && x->paths >= 0) fd_close(x->paths);
  x->made = 1;
  x->paths = -1;
  x->runs_programs = runs_programs(o, c);
  if (x->runs_programs) return 0;
  x->longest = longest(c);
  confine_calls_make(&x->calls, CONFINE_FILES | CONFINE_UNIX | (asks_inet(o) ? CONFINE_INET : 0));
  x->paths = make_paths(x, o);
  return x->paths == -2 ? (x->paths = -1) : 0;
}

/* A program may be one that becomes another user, as qmail-queue: then there are new privileges. */
static int enter_with_programs(void)
{
  struct rlimit const none = {0, 0};

  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0) return -1;
  return close_range(3, ~0u, 0);
}

int confined_enter(confined const *x)
{
  if (x->runs_programs) return enter_with_programs();
  if (confine_self() < 0 || (x->paths >= 0 && confine_paths_enter(x->paths) < 0)) return -1;
  if (close_range(3, ~0u, 0) < 0 || confine_resources(DATA, FILES, 0) < 0) return -1;
  if (x->longest && confine_growth(x->longest) < 0) return -1;
  return confine_calls_enter(&x->calls);
}
