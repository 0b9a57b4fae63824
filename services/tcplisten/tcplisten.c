#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>
#include <skalibs/tai.h>

#include <runlib/become.h>
#include <runlib/ready.h>
#include <runlib/tcp/environ.h>
#include <runlib/tcp/server.h>

#include "spawn-internal.h"

/* What each connection runs. */
typedef struct target_s target;
struct target_s
{
  char const *path;
  char const *const *argv;
  environment environment;
};

static pid_t start(void *data, connection const *c, sigset_t const *mask)
{
  target *t = data;

  environment_set(&t->environment, &c->local, &c->remote, c->label);
  return spawn_on(c->fd, t->path, t->argv, t->environment.vars, mask);
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

static void find_user(become *b, tcp_options const *o)
{
  char const *name;
  char const *wrong;

  if (o->environment && become_environment(b) < 0)
    strerr_dief(100, "-U: no UID and GID (s6-envuidgid sets them)");
  if (o->environment) return;
  wrong = become_find(b, o->user, o->group, &name);
  if (wrong) strerr_dief(100, wrong, name);
}

static int close_door(char const *door)
{
  if (standby_close(door, -1) < 0) strerr_diefusys(111, "close ", door);
  return 0;
}

int main(int argc, char const *const *argv)
{
  static server s;
  static target t;
  tcp_options o = TCP_OPTIONS_ZERO;
  become user;

  PROG = "tcplisten";
  server_keep_descriptors();
  if (argc == 3 && !strcmp(argv[1], "--close")) return close_door(argv[2]);
  tcp_options_parse(&o, argc, argv);
  find_user(&user, &o);
  s.o = &o;
  s.program.start = start;
  s.program.data = &t;
  tain_now_set_stopwatch_g();
  server_open(&s);
  if (become_them(&user) < 0) strerr_diefusys(111, "change user");
  t.path = find(o.program[0]);
  t.argv = o.program;
  if (environment_init(&t.environment, (char const *const *)environ, o.name) < 0)
    strerr_diefusys(111, "begin");
  if (ready_notify((int)o.ready) < 0) strerr_diefusys(111, "tell that it is ready");
  server_run(&s);
  return 0;
}
