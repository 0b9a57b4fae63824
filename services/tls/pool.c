#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/iopause.h>
#include <skalibs/selfpipe.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>
#include <skalibs/tai.h>
#include <skalibs/types.h>

#include <runlib/ready.h>

#include "workers-internal.h"
#include "pool-internal.h"
#include "worker-internal.h"

#define WARN_DAYS 14
#define DAY       86400
#define IMPATIENT 1 /* seconds after which a waiting worker is told to end again */

char const *const pool_counter_names[POOL_COUNTERS] = {
    "sessions-now", "sessions", "sessions-resumed", "handshakes-failed", "sessions-refused", "expires"};

typedef struct state_s state;
struct state_s
{
  pool *p;
  workers workers;
  int started[2]; /* workers write their pid onto it when they have got a request */
  int ending;     /* takes no more sessions */
  tain deadline;  /* of the ending */
  tain warning;   /* when to look at the certificates' days again */
  tain patience;  /* no new workers before: the last ones died as soon as they were there */
  int failing;    /* the errno for which there are no new ones, which the log knows; 0: none */
  int trying;     /* after a failure: those that were started since, when patience ends, live */
};

/* --- workers --- */

/* Says why there are no new workers when that begins, and tries no more for a second. */
static void falter(state *s, int e)
{
  tain_addsec_g(&s->patience, IMPATIENT);
  s->trying = 0;
  if (s->failing == e) return;
  s->failing = errno = e;
  strerr_warnwusys("start a worker");
}

static void recover(state *s)
{
  strerr_warni("workers start again");
  s->failing = s->trying = 0;
}

static int spawn(state *s)
{
  pid_t pid = fork();

  if (!pid) worker_run(s->p, s->started[1]);
  if (pid > 0) workers_add(&s->workers, pid);
  return pid > 0 ? 0 : -1;
}

static void refill(state *s)
{
  if (tain_future(&s->patience)) return;
  if (s->trying) recover(s);
  while (!s->ending && s->workers.n - s->workers.busy < s->p->st->spare && s->workers.n < s->workers.max)
    if (spawn(s) < 0)
    {
      falter(s, errno);
      return;
    }
  if (!s->failing) return;
  s->trying = 1;
  tain_addsec_g(&s->patience, IMPATIENT);
}

static void publish(state *s)
{
  counter_set(s->p->counters[POOL_NOW], place_count(s->p->common->places, s->p->st->workers));
}

static void hear_workers(state *s)
{
  pid_t pids[256];
  ssize_t n = read(s->started[0], pids, sizeof pids);

  if (n <= 0) return;
  for (size_t i = 0; i < (size_t)n / sizeof pids[0]; i++) workers_took(&s->workers, pids[i]);
  publish(s);
}

static void count_end(state *s, int status)
{
  counter *const *c = s->p->counters;
  char fmt[UINT_FMT];

  if (WIFSIGNALED(status))
  {
    fmt[uint_fmt(fmt, (unsigned int)WTERMSIG(status))] = 0;
    if (!s->ending) strerr_warnw("a worker was killed by signal ", fmt);
  }
  else if (WEXITSTATUS(status) == WORKER_REFUSED)
    counter_add(c[POOL_REFUSED], 1);
  else if (WEXITSTATUS(status) != WORKER_BROKEN && WEXITSTATUS(status) != WORKER_UNUSED)
  {
    counter_add(c[POOL_TOTAL], 1);
    if (WEXITSTATUS(status) == WORKER_RESUMED) counter_add(c[POOL_RESUMED], 1);
    if (WEXITSTATUS(status) == WORKER_FAILED) counter_add(c[POOL_FAILED], 1);
  }
}

/* Those that took a request are known before anybody's end is. */
static void reap(state *s)
{
  hear_workers(s);
  for (;;)
  {
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) break;
    int waited = !workers_remove(&s->workers, pid);
    if (!s->ending && WIFEXITED(status) && WEXITSTATUS(status) == WORKER_BROKEN)
      falter(s, s->p->common->wrong);
    else if (!s->ending && waited && WIFSIGNALED(status))
      tain_addsec_g(&s->patience, IMPATIENT);
    slot_free(s->p->common->places, pid);
    count_end(s, status);
  }
  publish(s);
}

/* --- the end --- */

/* A worker that gets a request at the same instant serves it, and pays no heed. */
static void dismiss_waiting(state const *s)
{
  for (unsigned int i = s->workers.busy; i < s->workers.n; i++) kill(s->workers.list[i], SIGUSR1);
}

static void end(state *s, int bounded)
{
  if (!s->ending)
  {
    fd_close(s->p->listener);
    tain_add_g(&s->deadline, &tain_infinite_relative);
  }
  s->ending = 1;
  if (bounded && s->p->st->drain)
  {
    tain t;
    tain_from_millisecs(&t, (int)s->p->st->drain);
    tain_add_g(&t, &t);
    if (tain_less(&t, &s->deadline)) s->deadline = t;
  }
}

static void kill_rest(state *s)
{
  char fmt[UINT_FMT];

  fmt[uint_fmt(fmt, s->workers.busy)] = 0;
  strerr_warnw("out of time: ending ", fmt, " sessions");
  for (unsigned int i = 0; i < s->workers.n; i++) kill(s->workers.list[i], SIGTERM);
}

static void hear_master(state *s)
{
  char c;
  ssize_t n = read(s->p->master, &c, 1);

  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  end(s, n != 1 || c != 'r');
  if (n > 0) return;
  fd_close(s->p->master); /* tlsd itself is gone */
  s->p->master = -1;
}

/* --- the certificates' days --- */

static void warn_of(cert const *c)
{
  char fmt[UINT64_FMT + 1];
  int64_t days = c->leaf ? (cert_expires(c) - time(0)) / DAY : WARN_DAYS;

  if (days >= WARN_DAYS) return;
  fmt[int64_fmt(fmt, days < 0 ? 0 : days)] = 0;
  if (cert_expires(c) < time(0))
    strerr_warnw("certificate ", c->path, " has expired");
  else
    strerr_warnw("certificate ", c->path, " ends in ", fmt, " days");
}

static void warn_daily(state *s)
{
  if (s->ending || tain_future(&s->warning)) return;
  tain_addsec_g(&s->warning, DAY);
  for (unsigned int i = 0; i < s->p->cs->n; i++)
  {
    warn_of(&s->p->cs->list[i].c);
  }
}

/* --- the loop --- */

static void next_deadline(state const *s, tain *t)
{
  tain soon;

  *t = s->ending ? s->deadline : s->warning;
  if (s->ending && s->workers.n > s->workers.busy)
    tain_addsec_g(&soon, IMPATIENT);
  else if (tain_future(&s->patience))
    soon = s->patience;
  else
    return;
  if (tain_less(&soon, t)) *t = soon;
}

static void turn(state *s, int signals)
{
  iopause_fd x[3] = {{.fd = signals, .events = IOPAUSE_READ},
                     {.fd = s->p->master, .events = IOPAUSE_READ},
                     {.fd = s->started[0], .events = IOPAUSE_READ}};
  tain deadline;

  if (s->ending) dismiss_waiting(s);
  next_deadline(s, &deadline);
  if (iopause_g(x, 3, &deadline) < 0) strerr_diefusys(111, "wait for events");
  if (x[2].revents) hear_workers(s);
  refill(s); /* before the dead are counted: the next session may be here already */
  if (x[0].revents)
  {
    while (selfpipe_read() > 0)
      ;
    reap(s);
  }
  if (x[1].revents) hear_master(s);
  warn_daily(s);
  refill(s);
}

void pool_run(pool *p, int ready)
{
  state s = {.p = p};
  int signals;

  tain_now_set_stopwatch_g();
  s.warning = s.patience = STAMP;
  signals = selfpipe_init();
  if (signals < 0 || !selfpipe_trap(SIGCHLD) || !sig_ignore(SIGPIPE) || pipenbcoe(s.started) < 0 ||
      workers_init(&s.workers, p->st->workers + p->st->spare) < 0)
    strerr_diefusys(111, "start the pool");
  counter_set(p->counters[POOL_EXPIRES], (uint64_t)p->cs->expires);
  warn_daily(&s);
  refill(&s);
  if (ready_notify(ready) < 0) strerr_diefusys(111, "tell that the pool is ready");
  while (!s.ending || s.workers.n)
  {
    if (s.ending && !tain_future(&s.deadline))
    {
      kill_rest(&s);
      break;
    }
    turn(&s, signals);
  }
  publish(&s);
  _exit(0);
}
