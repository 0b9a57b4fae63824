#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/iopause.h>
#include <skalibs/tai.h>

#include <ctl/context.h>
#include <ctl/dashboard/dashboard-internal.h>
#include <ctl/dashboard/guard.h>
#include <ctl/dashboard/screen.h>
#include <ctl/say.h>

/* What `mailctl status --watch` becomes. It is a program of its own because mailctl links no ncurses. */

#define REST 50  /* ms between two refreshes at the least, whatever happens */
#define POLL 100 /* ms between two looks at a command that runs */

typedef struct options_s options;
struct options_s
{
  context cx;
  char const *name; /* the service to begin with; 0: the first */
};

static int is_due(dash const *d, int ms)
{
  tain due;

  tain_addsec(&due, &d->refreshed, 0);
  due.nano += (uint32_t)(ms % 1000) * 1000000u;
  due.sec.x += (uint64_t)(ms / 1000) + due.nano / 1000000000u;
  due.nano %= 1000000000u;
  return !tain_less(&d->stamp, &due);
}

static void wait_for_something(dash *d, iopause_fd *x, unsigned int n)
{
  int ms = d->stale || d->log_stale ? REST : d->run.pid ? POLL : d->tick;
  tain deadline, span;

  tain_from_millisecs(&span, ms);
  tain_add(&deadline, &d->refreshed, &span);
  if (iopause_stamp(x, n, &deadline, &d->stamp) < 0 && errno != EINTR) d->status = EXIT_SYSTEM;
  (void)tain_now(&d->stamp);
}

static void step(dash *d)
{
  iopause_fd x[4] = {{.fd = d->signals, .events = IOPAUSE_READ}, {.fd = 0, .events = IOPAUSE_READ}};
  unsigned int n = 2;
  int events = 0, log = 0;

  if (dash_watch_events_fd(&d->watch) >= 0)
  {
    events = (int)n++;
    x[events] = (iopause_fd){.fd = dash_watch_events_fd(&d->watch), .events = IOPAUSE_READ};
  }
  if (d->watch.inotify >= 0)
  {
    log = (int)n++;
    x[log] = (iopause_fd){.fd = d->watch.inotify, .events = IOPAUSE_READ};
  }
  wait_for_something(d, x, n);
  if (x[0].revents) dash_take_signals(d);
  if (x[1].revents & IOPAUSE_EXCEPT) d->status = 128 + SIGHUP;
  if (x[1].revents) dash_take_keys(d);
  if (events && x[events].revents) d->stale |= dash_watch_take_events(&d->watch);
  if (log && x[log].revents) d->log_stale |= dash_watch_take_log(&d->watch);
  if (d->status != DASH_GOES_ON) return;
  if (is_due(d, d->stale ? REST : d->run.pid ? POLL : d->tick))
    dash_refresh(d);
  else if (d->log_stale && is_due(d, REST))
    dash_read_log(d);
  if (d->spoilt) dash_draw(d);
}

static int begin(dash *d, options const *o)
{
  int status = dash_data_begin(&d->data, &o->cx);

  if (status) return status;
  if (o->name && (strlen(o->name) >= sizeof d->u.chosen || !generation_find(&d->data.st->g, o->name)))
  {
    say("no service is called ", o->name, " in what was brought up last");
    return EXIT_USAGE;
  }
  if (o->name) strcpy(d->u.chosen, o->name);
  d->signals = dash_trap_signals();
  if (d->signals < 0 || !tain_now_set_stopwatch(&d->stamp))
  {
    say_cannot("begin");
    return EXIT_SYSTEM;
  }
  char const *term = getenv("TERM");
  char type[64];
  int unknown;

  snprintf(type, sizeof type, "%s", term && *term ? term : "(TERM is not set)");
  unknown = screen_start();
  if (unknown < 0)
  {
    say("unable to use a terminal of type ", type);
    return EXIT_SYSTEM;
  }
  if (unknown)
    snprintf(d->said, sizeof d->said,
             "terminal type %s is unknown here: as on a vt100; apt-get install ncurses-term", type);
  d->c.utf8 = screen_is_utf8();
  return 0;
}

static int dash_main(void *data)
{
  options const *o = data;
  static dash d = {
      .run = DASH_RUN_ZERO, .watch = DASH_WATCH_ZERO, .u = UI_ZERO, .c = CANVAS_ZERO, .status = DASH_GOES_ON};
  int status = begin(&d, o);
  int fd;

  if (status) return status;
  /* Neither a library nor a child may write where the picture is. */
  fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (fd >= 0) fd_move(2, fd);
  dash_take_size(&d);
  dash_refresh(&d);
  dash_draw(&d);
  while (d.status == DASH_GOES_ON) step(&d);
  /* Where the one that waits was killed, the shell has the terminal already: it is given back all the same. */
  signal(SIGTTOU, SIG_IGN);
  screen_end();
  dash_watch_free(&d.watch);
  dash_data_free(&d.data);
  dash_run_forget(&d.run);
  canvas_free(&d.c);
  free(d.at);
  free(d.names);
  return d.status;
}

/* It lies in PREFIX/libexec/mailctl. */
static int find_directories(context *cx)
{
  static char libexec[PATH_MAX];
  static char bin[PATH_MAX + 16];
  ssize_t n = readlink("/proc/self/exe", libexec, sizeof libexec - 1);
  char *end;

  if (n < 0) return -1;
  libexec[n] = 0;
  end = strrchr(libexec, '/');
  if (end) *end = 0;
  snprintf(bin, sizeof bin, "%s", libexec);
  for (int i = 0; i < 2; i++)
    if ((end = strrchr(bin, '/'))) *end = 0;
  strcat(bin, "/bin");
  cx->libexec = libexec;
  cx->bin = bin;
  cx->root = !geteuid();
  return 0;
}

int main(int argc, char const *const *argv)
{
  options o = {.name = 0};

  PROG = "mailctl";
  for (int i = 1; i < argc; i++)
  {
    if (!strcmp(argv[i], "--help"))
      return puts("usage: dashboard -c FILE\n\nThe live dashboard; started by: mailctl status --watch\nSee "
                  "mailctl(8).") < 0 ||
                     fflush(stdout)
                 ? 111
                 : 0;
    if (!strcmp(argv[i], "--version")) return puts("mailctl " VERSION) < 0 || fflush(stdout) ? 111 : 0;
    if (!strcmp(argv[i], "-c") && i + 1 < argc)
      o.cx.file = argv[++i];
    else
      o.name = argv[i];
  }
  if (!o.cx.file || *o.cx.file != '/')
  {
    say("the dashboard is started by: mailctl status --watch");
    return EXIT_USAGE;
  }
  if (!isatty(0) || !isatty(1))
  {
    say("status --watch needs a terminal");
    return EXIT_USAGE;
  }
  setlocale(LC_CTYPE, ""); /* numbers are the same everywhere */
  if (find_directories(&o.cx) < 0)
  {
    say_cannot("find where I am");
    return EXIT_SYSTEM;
  }
  return guarded(&dash_main, &o);
}
