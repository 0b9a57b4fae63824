#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <runlib/counters.h>
#include <runlib/rater.h>

#include "logline.h"

#define USAGE "imap-log [-c COUNTERS] [-R RATER] [-k CLASS] [-w CLASS] [-t SECONDS]"

static char const help[] = "usage: " USAGE "\n"
                           "Passes Dovecot's log on, and counts the logins in it.\n"
                           "  -c COUNTERS  count in this file\n"
                           "  -R RATER     tell this raterd\n"
                           "  -k CLASS     the class that failed logins count in (authfail)\n"
                           "  -w CLASS     a class of windows, in which a login opens one for its address\n"
                           "  -t SECONDS   for so long (1800)\n"
                           "See imap-log(8).\n";

#define LINE_MAX_SIZE 8192
#define SESSIONS      10000 /* that are told apart */
#define PATIENCE      500   /* ms */
#define LOOK          2000  /* ms between looks at which sessions go on */

typedef enum tally_e
{
  COUNT_SESSIONS,
  COUNT_LOGINS,
  COUNT_LOGINS_EVEN,
  COUNT_LOGINS_ODD,
  COUNT_FAILURES,
  COUNT_FAILURES_EVEN,
  COUNT_FAILURES_ODD,
  COUNT_WINDOWS,
  COUNTERS
} tally;

typedef struct watcher_s watcher;
struct watcher_s
{
  char const *rater;
  char const *class;
  char const *window;
  unsigned int seconds;
  counter *counters[COUNTERS];
  pid_t sessions[SESSIONS];
  unsigned int n;
};

/* --- what a line says ---------------------------------------------------------------------------------- */

/* A process serves a session: while it is there, so is the session, however it ends. */
static void look_at_sessions(watcher *w)
{
  unsigned int kept = 0;

  for (unsigned int i = 0; i < w->n; i++)
    if (kill(w->sessions[i], 0) == 0 || errno == EPERM) w->sessions[kept++] = w->sessions[i];
  w->n = kept;
  counter_set(w->counters[COUNT_SESSIONS], w->n);
}

static void add_session(watcher *w, pid_t pid)
{
  for (unsigned int i = 0; i < w->n; i++)
    if (w->sessions[i] == pid) return;
  if (pid <= 0 || w->n == SESSIONS) return;
  w->sessions[w->n++] = pid;
  look_at_sessions(w);
}

static void open_window(watcher *w, char const *ip)
{
  rater_connection c = RATER_CONNECTION(w->rater);
  char line[128], answer[128];
  int n = snprintf(line, sizeof line, "!open %u %s %s", w->seconds, w->window, ip);

  if (rater_exchange(&c, line, (size_t)n, answer, sizeof answer, PATIENCE) < 0)
    strerr_warnwusys("ask ", w->rater, " for a window");
  else if (*answer == '0')
    counter_add(w->counters[COUNT_WINDOWS], 1);
  else if (*answer == '2')
    strerr_warnw("no window for ", ip, ": ", answer + 2);
  rater_close(&c);
}

static void count(watcher *w, tally t, unsigned int n)
{
  counter_add(w->counters[t], n);
  counter_rate(w->counters + t + 1, (uint64_t)time(0), n);
}

static void take(watcher *w, char const *s, size_t n)
{
  logline x;

  if (!logline_read(&x, s, n)) return;
  if (x.logins) count(w, COUNT_LOGINS, 1), add_session(w, x.pid);
  if (x.failures) count(w, COUNT_FAILURES, x.failures);
  if (!*x.ip || !w->rater) return;
  /* EREMOTEIO: the rules do not know the class, so the administrator limits no logins. */
  if (x.failures && rater_ask(w->rater, w->class, x.ip, x.failures, PATIENCE, 0) == RATER_UNAVAILABLE &&
      errno != EREMOTEIO)
    strerr_warnwusys("tell ", w->rater, " of a failed login");
  if (x.logins && w->window) open_window(w, x.ip);
}

/* --- the stream ---------------------------------------------------------------------------------------- */

/* Whole lines first: they are in the log before anything is made of them. Returns what is left. */
static size_t pass(watcher *w, char *s, size_t len, int end)
{
  char *last = memrchr(s, '\n', len);
  size_t whole = end || len == LINE_MAX_SIZE ? len : last ? (size_t)(last + 1 - s) : 0;

  allwrite(2, s, whole);
  for (char *line = s, *newline; (newline = memchr(line, '\n', (size_t)(s + whole - line)));
       line = newline + 1)
    take(w, line, (size_t)(newline - line));
  memmove(s, s + whole, len - whole);
  return len - whole;
}

static void serve(watcher *w)
{
  static char s[LINE_MAX_SIZE];
  size_t len = 0;

  for (;;)
  {
    struct pollfd x = {.fd = 0, .events = POLLIN};
    ssize_t r;
    if (poll(&x, 1, w->n ? LOOK : -1) == 0)
    {
      look_at_sessions(w);
      continue;
    }
    r = read(0, s + len, sizeof s - len);
    if (r < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    len = pass(w, s, len + (r > 0 ? (size_t)r : 0), r <= 0);
    if (r <= 0) break;
  }
  w->n = 0;
  counter_set(w->counters[COUNT_SESSIONS], 0);
}

static unsigned int number(char const *s)
{
  unsigned int n;

  if (!uint0_scan(s, &n) || !n) strerr_dief(100, "option -t takes seconds, not ", s);
  return n;
}

static void start_counting(watcher *w, char const *file)
{
  static char const *const names[COUNTERS] = {"sessions", "logins",     "logins.0",   "logins.1",
                                              "failures", "failures.0", "failures.1", "windows"};
  static counter own[COUNTERS];

  for (unsigned int i = 0; i < COUNTERS; i++) w->counters[i] = own + i;
  if (file && counters_open(file, 0644, names, COUNTERS, w->counters) < 0)
    strerr_warnwusys("count in ", file);
  counter_set(w->counters[COUNT_SESSIONS], 0);
}

int main(int argc, char const *const *argv)
{
  static watcher w = {.class = "authfail", .seconds = 1800};
  char const *file = 0;
  subgetopt l = SUBGETOPT_ZERO;

  PROG = "imap-log";
  if (argc == 2 && !strcmp(argv[1], "--help")) return puts(help), fflush(stdout) ? 111 : 0;
  if (argc == 2 && !strcmp(argv[1], "--version"))
    return puts("imap-log (mailctl) " VERSION), fflush(stdout) ? 111 : 0;
  for (int o; (o = subgetopt_r(argc, argv, "c:R:k:w:t:", &l)) != -1;) switch (o)
    {
      case 'c': file = l.arg; break;
      case 'R': w.rater = l.arg; break;
      case 'k': w.class = l.arg; break;
      case 'w': w.window = l.arg; break;
      case 't': w.seconds = number(l.arg); break;
      default: strerr_dieusage(100, USAGE);
    }
  if (l.ind != argc) strerr_dieusage(100, USAGE);
  /* It ends when the last of Dovecot does, and says what that says. */
  signal(SIGTERM, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  start_counting(&w, file);
  serve(&w);
  return 0;
}
