#include <errno.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>
#include <skalibs/tai.h>

#include <runlib/become.h>
#include <runlib/ready.h>
#include <runlib/tcp/environ.h>
#include <runlib/tcp/server.h>

#include "child.h"
#include "confined.h"
#include "listen.h"
#include "serve.h"

/* What all sessions begin with. */
typedef struct warm_s warm;
struct warm_s
{
  options options;
  control control;
  char const *unreadable; /* a file of control/, and why */
  int error;
  become user;
  confined confined;
  environment environment;
  host host; /* large, and only sessions write in it */
};

/* An edit in control/ holds for the next connection. */
static void read_control(warm *w)
{
  static control const fresh = CONTROL_ZERO;

  control_free(&w->control);
  w->control = fresh;
  w->unreadable = 0;
  if (control_load(&w->control, w->options.plugins, &w->unreadable) == 0)
    w->unreadable = 0;
  else
    w->error = errno;
  if (confined_make(&w->confined, &w->options, &w->control) < 0)
    strerr_warnwusys("confine sessions by paths");
}

/* The connection is 0 and 1; of all that the listener has open, the log alone stays. */
static void begin_session(warm *w, connection const *c, sigset_t const *mask)
{
  environ = (char **)w->environment.vars;
  if (dup2(c->fd, 0) < 0 || dup2(c->fd, 1) < 0 || become_them(&w->user) < 0 ||
      confined_enter(&w->confined) < 0 || child_init(mask) < 0)
    strerr_diefusys(111, "begin a session");
}

static pid_t start(void *data, connection const *c, sigset_t const *mask)
{
  warm *w = data;
  pid_t pid;

  if (recipients_warm(&w->host.recipients, &w->options.recipients) || !control_is_fresh(&w->control))
    read_control(w);
  environment_set(&w->environment, &c->local, &c->remote, c->label);
  pid = fork();
  if (pid) return pid < 0 ? 0 : pid;
  begin_session(w, c, mask);
  options_client(&w->options);
  errno = w->error;
  _exit(serve(&w->options, &w->control, w->unreadable, &w->host, c->mark, c->hurried));
}

/* The options behind `--`, which takes the place of the program's name. */
static void read_options(warm *w, char const *const *program)
{
  int n = 0;

  while (program[n]) n++;
  options_read(&w->options, n + 1, program - 1);
}

int listen_main(int argc, char const *const *argv)
{
  static server s;
  static warm w;
  tcp_options o = TCP_OPTIONS_ZERO;

  server_keep_descriptors();
  tcp_options_parse(&o, argc, argv);
  read_options(&w, o.program);
  if (o.user || o.group) strerr_dief(100, "sessions become another user by -U alone");
  if (o.environment && become_environment(&w.user) < 0)
    strerr_dief(100, "-U: no UID and GID (s6-envuidgid sets them)");
  s.o = &o;
  s.program.start = start;
  s.program.data = &w;
  s.program.marks = 1;
  tain_now_set_stopwatch_g();
  host_init(&w.host, &w.options);
  if (environment_init(&w.environment, (char const *const *)environ, o.name) < 0)
    strerr_diefusys(111, "begin");
  read_control(&w);
  server_open(&s);
  if (w.user.needed && become_able() < 0) strerr_diefusys(111, "give up what root may");
  if (ready_notify((int)o.ready) < 0) strerr_diefusys(111, "tell that it is ready");
  server_run(&s);
  return 0;
}
