#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/iopause.h>
#include <skalibs/selfpipe.h>
#include <skalibs/tai.h>

#include <ctl/command.h>
#include <ctl/dash-data.h>
#include <ctl/dash-guard.h>
#include <ctl/dash-table.h>
#include <ctl/dash-view.h>
#include <ctl/dash-watch.h>
#include <ctl/say.h>
#include <ctl/screen.h>

/* What `mailctl status --watch` becomes. It is a program of its own because mailctl links no ncurses. */

#define TICK 1000 /* ms between two refreshes by the clock, where they cost little */
#define REST 50   /* ms between two refreshes at the least, whatever happens */
#define POLL 100  /* ms between two looks at a command that runs */
#define SHARE                                                                                                \
  120 /* a refresh by the clock comes no sooner than after so many times what the last one cost: under 1 % */
#define NEVER (-1)

typedef struct options_s options;
struct options_s
{
  context cx;
  char const *name; /* the service to begin with; 0: the first */
};

typedef struct dash_s dash;
struct dash_s
{
  dash_data data;
  dash_watch watch;
  dash_run run;
  ui u;
  canvas c;
  size_t *at;         /* the services that the filter leaves */
  char const **names; /* theirs */
  size_t n;
  char said[320];
  int signals;
  int stale;      /* something happened to a service since the last refresh */
  int log_stale;  /* or to the log */
  int spoilt;     /* the screen must be drawn */
  int tick;       /* ms between two refreshes by the clock */
  int status;     /* to exit with; NEVER: goes on */
  tain stamp;     /* stopwatch */
  tain refreshed; /* on it */
};

/* --- what is there ------------------------------------------------------------------------------- */

static view view_of(dash const *d)
{
  return (view){.s = &d->data.now,
                .hostname = d->data.st->b.hostname,
                .u = &d->u,
                .at = d->at,
                .n = d->n,
                .log = &d->data.log,
                .log_error = d->data.log_error,
                .backlog = {.points = d->data.points, .n = d->data.npoints, .step = d->data.step},
                .run = &d->run,
                .said = d->said};
}

static size_t positive(int n)
{
  return n > 0 ? (size_t)n : 0;
}

static ui_world world_of(dash const *d)
{
  view v = view_of(d);
  layout l = {.title = {0, 0, 0, 0}};
  int room = view_layout(&l, &v, d->c.rows, d->c.cols) < 0 ? 0 : l.table.rows - 1;

  return (ui_world){.names = d->names,
                    .n = d->n,
                    .rows = positive(room),
                    .page_rows = positive(room),
                    .lines = dash_log_count(&d->data.log),
                    .items = view_items(&v, d->c.cols),
                    .running = d->data.now.running && !d->data.now.alone};
}

/* Which services are shown, after any of them or the filter changed. */
static int list(dash *d)
{
  size_t n = snapshot_count(&d->data.now);
  size_t *at = realloc(d->at, (n + 1) * sizeof *at);
  char const **names;
  ui_world w;

  if (!at) return -1;
  d->at = at;
  names = realloc(d->names, (n + 1) * sizeof *names);
  if (!names) return -1;
  d->names = names;
  d->n = dash_table_filter(d->at, &d->data.now, d->u.filter);
  for (size_t i = 0; i < d->n; i++) d->names[i] = snapshot_services(&d->data.now)[d->at[i]].id;
  w = world_of(d);
  ui_settle(&d->u, &w);
  return 0;
}

/* A log that somebody has scrolled up in stands still. */
static void read_log(dash *d)
{
  stralloc dir = STRALLOC_ZERO;

  if (d->u.page == PAGE_LOG && (d->u.up || d->u.match)) return;
  d->log_stale = 0;
  if (dash_data_log(&d->data, d->u.chosen, d->u.page == PAGE_LOG ? DASH_LOG_PAGE : DASH_LOG_PANE))
    d->spoilt = 1;
  if (*d->u.chosen && service_append(&dir, "%s/%s", d->data.st->b.log, d->u.chosen) >= 0 && stralloc_0(&dir))
    dash_watch_log(&d->watch, dir.s);
  stralloc_free(&dir);
}

static size_t curve_points(dash const *d)
{
  layout l;

  if (layout_overview(&l, d->c.rows, d->c.cols, d->n, view_facts(&d->data.now)) < 0) return 0;
  return positive(curve_columns(l.curve));
}

static pid_t supervisor_of(snapshot const *s)
{
  return s->supervisor.pid.known == KNOWN ? (pid_t)s->supervisor.pid.n : 0;
}

/* CPU time of this process, us. */
static uint64_t cost(void)
{
  struct timespec ts = {.tv_sec = 0};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
  return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Events first, then the status: so nothing that happens in between is missed. */
static void refresh(dash *d)
{
  uint64_t before = cost();

  dash_watch_services(&d->watch, d->data.st, supervisor_of(&d->data.now));
  d->stale = 0;
  d->refreshed = d->stamp;
  if (dash_data_refresh(&d->data, curve_points(d)) < 0 || list(d) < 0)
    snprintf(d->said, sizeof d->said, "unable to look: %s", strerror(errno));
  read_log(d);
  (void)dash_run_look(&d->run);
  d->spoilt = 1;
  before = (cost() - before) * SHARE / 1000;
  d->tick = before < TICK ? TICK : before > 10 * TICK ? 10 * TICK : (int)before;
}

static int take_size(dash *d)
{
  int rows, cols;

  screen_size(&rows, &cols);
  return canvas_resize(&d->c, rows, cols);
}

static void draw(dash *d)
{
  view v;

  if (take_size(d) < 0 || list(d) < 0) return;
  dash_data_points(&d->data, curve_points(d));
  v = view_of(d);
  view_draw(&d->c, &v);
  screen_show(&d->c);
  d->spoilt = 0;
}

/* --- keys ---------------------------------------------------------------------------------------- */

static void run_command(dash *d)
{
  *d->said = 0;
  if (dash_run_start(&d->run, d->data.cx.bin, d->data.cx.file, d->u.words) >= 0) return;
  if (errno == EBUSY)
    snprintf(d->said, sizeof d->said, "one thing at a time: %.200s still runs", d->run.title);
  else
    snprintf(d->said, sizeof d->said, "unable to run mailctl: %s", strerror(errno));
}

/* Where a search begins: at the last line found, else at the end of the screen that it moves away from. */
static size_t search_from(dash const *d, size_t n, size_t rows, int step)
{
  if (d->u.match && d->u.match <= n) return n - d->u.match;
  if (step < 0) return n - d->u.up;
  return n > d->u.up + rows ? n - d->u.up - rows - 1 : (size_t)-1;
}

static void search(dash *d, int step)
{
  dash_log const *l = &d->data.log;
  ui_world w = world_of(d);
  size_t n = dash_log_count(l);
  size_t most = n > w.page_rows ? n - w.page_rows : 0;
  size_t found = n ? dash_log_find(l, search_from(d, n, w.page_rows, step), step, d->u.search) : 0;

  if (n && found < n)
  {
    d->u.match = n - found;
    d->u.up = n - found - 1 < most ? n - found - 1 : most;
  }
  else
    snprintf(d->said, sizeof d->said, "no %s line has \"%s\"", step < 0 ? "older" : "newer", d->u.search);
}

static void act(dash *d, ui_action a)
{
  switch (a)
  {
    case ACTION_QUIT: d->status = 0; break;
    case ACTION_COMMAND: run_command(d); break;
    case ACTION_OLDER: search(d, -1); break;
    case ACTION_NEWER: search(d, 1); break;
    case ACTION_CLOSE: dash_run_forget(&d->run); break;
    case ACTION_REDRAW: screen_spoilt(); break;
    default: break;
  }
}

static void take_keys(dash *d)
{
  int k;

  while (d->status == NEVER && (k = screen_key()) >= 0)
  {
    ui_world w = world_of(d);
    *d->said = 0;
    act(d, ui_key(&d->u, k, &w));
    if (list(d) < 0) d->status = EXIT_SYSTEM;
    d->spoilt = 1;
  }
  if (d->status == NEVER) read_log(d);
}

/* --- signals ------------------------------------------------------------------------------------- */

/* As any other program: the shell has the terminal until it says `fg`. */
static void stop(void)
{
  sigset_t set;

  screen_suspend();
  sigemptyset(&set);
  sigaddset(&set, SIGTSTP);
  signal(SIGTSTP, SIG_DFL);
  raise(SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &set, 0);
  selfpipe_trap(SIGTSTP);
  screen_resume();
}

static void take_signals(dash *d)
{
  for (;;) switch (selfpipe_read())
    {
      case 0: return;
      case -1: d->status = EXIT_SYSTEM; return;
      case SIGINT: d->status = 0; break;
      case SIGHUP: d->status = 128 + SIGHUP; break;
      case SIGTERM: d->status = 128 + SIGTERM; break;
      case SIGTSTP: stop(); break;
      case SIGCONT: screen_resume(); __attribute__((fallthrough));
      case SIGWINCH: d->stale = 1; break;
      default:
        if (dash_run_look(&d->run)) d->stale = d->spoilt = 1;
    }
}

static int trap_signals(void)
{
  static int const caught[] = {SIGINT, SIGHUP, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH, SIGCHLD};
  int fd = selfpipe_init();

  for (size_t i = 0; fd >= 0 && i < sizeof caught / sizeof caught[0]; i++)
    if (!selfpipe_trap(caught[i])) return -1;
  signal(SIGPIPE, SIG_IGN);
  return fd;
}

/* --- the loop ------------------------------------------------------------------------------------ */

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
  if (x[0].revents) take_signals(d);
  if (x[1].revents & IOPAUSE_EXCEPT) d->status = 128 + SIGHUP;
  if (x[1].revents) take_keys(d);
  if (events && x[events].revents) d->stale |= dash_watch_take_events(&d->watch);
  if (log && x[log].revents) d->log_stale |= dash_watch_take_log(&d->watch);
  if (d->status != NEVER) return;
  if (is_due(d, d->stale ? REST : d->run.pid ? POLL : d->tick))
    refresh(d);
  else if (d->log_stale && is_due(d, REST))
    read_log(d);
  if (d->spoilt) draw(d);
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
  d->signals = trap_signals();
  if (d->signals < 0 || !tain_now_set_stopwatch(&d->stamp))
  {
    say_cannot("begin");
    return EXIT_SYSTEM;
  }
  if (screen_start() < 0)
  {
    char const *term = getenv("TERM");
    say("unable to use a terminal of type ", term && *term ? term : "(TERM is not set)");
    return EXIT_SYSTEM;
  }
  d->c.utf8 = screen_is_utf8();
  return 0;
}

static int dash_main(void *data)
{
  options const *o = data;
  static dash d = {
      .run = DASH_RUN_ZERO, .watch = DASH_WATCH_ZERO, .u = UI_ZERO, .c = CANVAS_ZERO, .status = NEVER};
  int status = begin(&d, o);
  int fd;

  if (status) return status;
  /* Neither a library nor a child may write where the picture is. */
  fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (fd >= 0) fd_move(2, fd);
  take_size(&d);
  refresh(&d);
  draw(&d);
  while (d.status == NEVER) step(&d);
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
static int find_folders(context *cx)
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
                  "mailctl(8)."),
             0;
    if (!strcmp(argv[i], "--version")) return puts("mailctl " VERSION), 0;
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
  setlocale(LC_ALL, "");
  if (find_folders(&o.cx) < 0)
  {
    say_cannot("find where I am");
    return EXIT_SYSTEM;
  }
  return guarded(&dash_main, &o);
}
