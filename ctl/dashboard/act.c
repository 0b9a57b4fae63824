#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/selfpipe.h>

#include <ctl/context.h>
#include <ctl/dashboard/dashboard-internal.h>
#include <ctl/dashboard/screen.h>

/* What keys and signals do. */

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
  ui_world w = dash_world(d);
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
    case ACTION_STOP: stop(); break;
    default: break;
  }
}

void dash_take_keys(dash *d)
{
  int k;

  while (d->status == DASH_GOES_ON && (k = screen_key()) >= 0)
  {
    ui_world w = dash_world(d);
    ui_page before = d->u.page;
    *d->said = 0;
    act(d, ui_key(&d->u, k, &w));
    if (d->u.page != before) dash_read_more(d);
    if (dash_list(d) < 0) d->status = EXIT_SYSTEM;
    d->spoilt = 1;
  }
  if (d->status == DASH_GOES_ON) dash_read_log(d);
}

/* --- signals ------------------------------------------------------------------------------------- */

void dash_take_signals(dash *d)
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

int dash_trap_signals(void)
{
  static int const caught[] = {SIGINT, SIGHUP, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH, SIGCHLD};
  int fd = selfpipe_init();

  for (size_t i = 0; fd >= 0 && i < sizeof caught / sizeof caught[0]; i++)
    if (!selfpipe_trap(caught[i])) return -1;
  signal(SIGPIPE, SIG_IGN);
  return fd;
}
