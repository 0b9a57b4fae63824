#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/selfpipe.h>
#include <skalibs/sig.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>
#include <skalibs/tai.h>

#include <runlib/ready.h>

#include "options-internal.h"
#include "server-internal.h"

/* Whatever else we were given stays ours: the programs see the connection and stderr alone. */
static void keep_descriptors(void)
{
  for (int fd = 0; fd < 3; fd++)
    if (fd_ensure_open(fd, fd > 0) < 0) strerr_diefusys(111, "open /dev/null");
  (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
}

static void trap_signals(server *s)
{
  static int const signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP};

  sigprocmask(SIG_SETMASK, 0, &s->mask);
  s->signals = selfpipe_init();
  if (s->signals < 0) strerr_diefusys(111, "make the selfpipe");
  sig_restore(SIGCHLD);
  sig_ignore(SIGPIPE);
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
    if (selfpipe_trap(signals[i]) < 0) strerr_diefusys(111, "trap signals");
}

static void listen_on_all(server *s)
{
  options const *o = s->o;
  char name[ENDPOINT_FMT];
  char const *why;

  for (unsigned int i = 0; i < o->count; i++)
  {
    unsigned int n = listener_open(s->listeners + s->nlisteners, o->addresses[i], o->backlog, &why);
    if (!n && why) strerr_diefu(111, "listen on ", o->addresses[i], ": ", why);
    if (!n) strerr_diefusys(111, "listen on ", o->addresses[i]);
    if (n == 1 && o->addresses[i][0] == '*')
      strerr_warnw("this machine has one family of addresses: ", o->addresses[i], " is that one alone");
    s->nlisteners += n;
  }
  for (unsigned int i = 0; i < s->nlisteners; i++)
  {
    listener const *l = s->listeners + i;
    endpoint_fmt(name, &l->local);
    strerr_warni("listening on ", name, l->label[0] ? "/" : "", l->label);
  }
}

static int runs(char const *path)
{
  return access(path, X_OK) == 0;
}

/* The program's path, looked up once rather than at each connection. */
static char const *find(char const *name)
{
  static stralloc path = STRALLOC_ZERO;
  char const *dirs = getenv("PATH");

  if (strchr(name, '/'))
  {
    if (!runs(name)) strerr_diefusys(111, "run ", name);
    return name;
  }
  if (!dirs) dirs = "/usr/bin:/bin";
  for (;;)
  {
    size_t n = strcspn(dirs, ":");
    path.len = 0;
    if (!stralloc_catb(&path, n ? dirs : ".", n ? n : 1) || !stralloc_cats(&path, "/") ||
        !stralloc_cats(&path, name) || !stralloc_0(&path))
      strerr_diefusys(111, "find ", name);
    if (runs(path.s)) return path.s;
    if (!dirs[n]) break;
    dirs += n + 1;
  }
  errno = ENOENT;
  strerr_diefusys(111, "find ", name, " in PATH");
}

static void open_counters(server *s)
{
  static char const *const names[COUNTERS] = {"now", "limit", "total", "refused"};
  static counter unseen;

  for (unsigned int i = 0; i < COUNTERS; i++) s->counters[i] = &unseen;
  if (!s->o->counters) return;
  if (counters_open(s->o->counters, 0644, names, COUNTERS, s->counters) < 0)
    strerr_warnwusys("count in ", s->o->counters);
  counter_set(s->counters[NOW], 0);
  counter_set(s->counters[LIMIT], s->o->total);
}

int main(int argc, char const *const *argv)
{
  static server s;
  options o = OPTIONS_ZERO;

  PROG = "tcplisten";
  keep_descriptors();
  options_parse(&o, argc, argv);
  s.o = &o;
  trap_signals(&s);
  tain_now_set_stopwatch_g();
  listen_on_all(&s);
  options_become(&o);
  s.path = find(o.program[0]);
  if (sessions_init(&s.sessions, o.total) < 0 ||
      environment_init(&s.environment, (char const *const *)environ, o.name) < 0)
    strerr_diefusys(111, "begin");
  open_counters(&s);
  if (ready_notify((int)o.ready) < 0) strerr_diefusys(111, "tell that it is ready");
  server_run(&s);
  return 0;
}
