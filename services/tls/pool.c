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

#include "crew-internal.h"
#include "fdpass-internal.h"
#include "pool-internal.h"
#include "request-internal.h"
#include "worker-internal.h"

#define PENDING_MAX     64 /* connections whose request has not come yet */
#define PENDING_SECONDS 2
#define WARN_DAYS       14
#define DAY             86400

char const *const pool_counter_names[POOL_COUNTERS] = {
    "sessions-now", "sessions", "sessions-resumed", "handshakes-failed", "sessions-refused", "expires"};

typedef struct pending_s pending;
struct pending_s
{
  int fd;
  tain deadline;
};

typedef struct state_s state;
struct state_s
{
  pool *p;
  crew workers;
  pending waiting[PENDING_MAX];
  unsigned int nwaiting;
  int lifeline[2];
  int ending;    /* takes no more sessions */
  tain deadline; /* of the ending */
  tain warning;  /* when to look at the certificates' days again */
};

/* --- workers --- */

static int spawn(state *s)
{
  pool *p = s->p;
  int pair[2];
  pid_t pid;

  if (s->workers.n == s->workers.max) return (errno = EAGAIN, -1);
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -1;
  pid = fork();
  if (!pid)
  {
    selfpipe_finish();
    worker_run(pair[1], p->keeper, s->lifeline[0], p->cs, p->st, p->common);
  }
  fd_close(pair[1]);
  if (pid < 0)
  {
    fd_close(pair[0]);
    return -1;
  }
  crew_add(&s->workers, pid, pair[0]);
  return 0;
}

static void refill(state *s)
{
  while (!s->ending && s->workers.n - s->workers.busy < s->p->st->spare && s->workers.n < s->workers.max)
    if (spawn(s) < 0)
    {
      strerr_warnwusys("start a worker");
      return;
    }
}

static unsigned int sessions(state const *s)
{
  unsigned int n = 0;

  for (unsigned int i = 0; i < POOLS_MAX; i++) n += atomic_load(s->p->common->sessions + i);
  return n;
}

static void publish(state *s)
{
  atomic_store(s->p->common->sessions + s->p->number, s->workers.busy);
  counter_set(s->p->counters[POOL_NOW], sessions(s));
}

static void count_end(state *s, int status)
{
  counter *const *c = s->p->counters;

  if (WIFSIGNALED(status))
  {
    char fmt[UINT_FMT];
    fmt[uint_fmt(fmt, (unsigned int)WTERMSIG(status))] = 0;
    if (!s->ending) strerr_warnw("a worker was killed by signal ", fmt);
  }
  else if (WEXITSTATUS(status) == WORKER_RESUMED)
    counter_add(c[POOL_RESUMED], 1);
  else if (WEXITSTATUS(status) == WORKER_FAILED)
    counter_add(c[POOL_FAILED], 1);
}

static void reap(state *s)
{
  for (;;)
  {
    int status;
    int control;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    switch (crew_remove(&s->workers, pid, &control))
    {
      case 1:
        count_end(s, status);
        publish(s);
        break;
      case 0: fd_close(control); break;
      default: break;
    }
  }
}

/* --- requests --- */

/* Ends a connection with a word. The request is taken out first: closing with it unread would take the word away. */
static void refuse(int fd, char const *word, char const *reason)
{
  char s[TLS_REQUEST_MAX];
  struct iovec v[3] = {{.iov_base = (char *)word, .iov_len = strlen(word)},
                       {.iov_base = (char *)reason, .iov_len = strlen(reason)},
                       {.iov_base = (char *)"\n", .iov_len = 1}};
  struct msghdr m = {.msg_iov = v, .msg_iovlen = 3};

  (void)recv(fd, s, sizeof s, MSG_DONTWAIT);
  (void)sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
  fd_close(fd);
}

static void refuse_busy(state *s, int fd, request const *rq, char const *reason)
{
  counter_add(s->p->counters[POOL_REFUSED], 1);
  strerr_warnw(rq->peer, ": refused: ", reason);
  refuse(fd, "busy\nreason ", reason);
}

/* Gives the connection to a worker. A worker that was killed while it waited is passed over. */
static int assign(state *s, int fd, request const *rq)
{
  for (;;)
  {
    if (s->workers.busy == s->workers.n && spawn(s) < 0) return -1;
    int control = crew_assign(&s->workers, rq->key);
    int sent = fdpass_send(control, "", 1, &fd, 1);
    fd_close(control);
    if (sent == 0) return 0;
  }
}

static void dispatch(state *s, int fd, request const *rq)
{
  settings const *st = s->p->st;

  if (sessions(s) >= st->workers)
    refuse_busy(s, fd, rq, "too many sessions");
  else if (crew_count(&s->workers, rq->key) >= st->per_client)
    refuse_busy(s, fd, rq, "too many sessions of this client");
  else if (assign(s, fd, rq) < 0)
    refuse_busy(s, fd, rq, "no process to be had");
  else
  {
    counter_add(s->p->counters[POOL_TOTAL], 1);
    publish(s);
    fd_close(fd);
  }
}

/* Looks at a request without taking it, or its descriptors. Returns 0 if it has not come yet. */
static int look(state *s, int fd)
{
  char text[TLS_REQUEST_MAX];
  request rq;
  ssize_t n = recv(fd, text, sizeof text, MSG_PEEK | MSG_DONTWAIT);
  char const *wrong;

  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (n <= 0)
  {
    fd_close(fd);
    return 1;
  }
  wrong = request_scan(text, (size_t)n, &rq);
  if (!wrong)
    dispatch(s, fd, &rq);
  else
  {
    strerr_warnw("bad request: ", wrong);
    refuse(fd, "failed\nreason ", wrong);
  }
  return 1;
}

static int may_ask(pool const *p, int fd)
{
  struct ucred who;
  socklen_t len = sizeof who;

  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0) return 0;
  for (unsigned int i = 0; i < p->nusers; i++)
    if (who.uid == p->users[i]) return 1;
  return who.uid == 0 || who.uid == geteuid();
}

static void accept_all(state *s)
{
  while (s->nwaiting < PENDING_MAX)
  {
    int fd = accept4(s->p->listener, 0, 0, SOCK_CLOEXEC);
    if (fd < 0)
    {
      if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) strerr_warnwusys("accept a request");
      return;
    }
    if (!may_ask(s->p, fd))
    {
      strerr_warnw("a request from a user who may not ask");
      fd_close(fd);
    }
    else if (!look(s, fd))
    {
      pending *w = s->waiting + s->nwaiting++;
      w->fd = fd;
      tain_addsec_g(&w->deadline, PENDING_SECONDS);
    }
  }
}

static void look_again(state *s, iopause_fd const *x)
{
  unsigned int kept = 0;

  for (unsigned int i = 0; i < s->nwaiting; i++)
  {
    pending w = s->waiting[i];
    if (x[i].revents && look(s, w.fd)) continue;
    if (tain_future(&w.deadline))
      s->waiting[kept++] = w;
    else
      refuse(w.fd, "failed\nreason ", "no request came");
  }
  s->nwaiting = kept;
}

/* --- the end --- */

static void end(state *s, int bounded)
{
  if (!s->ending)
  {
    fd_close(s->p->listener);
    for (unsigned int i = s->workers.busy; i < s->workers.n; i++) kill(s->workers.list[i].pid, SIGKILL);
    while (s->nwaiting) refuse(s->waiting[--s->nwaiting].fd, "busy\nreason ", "tlsd is ending");
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
  for (unsigned int i = 0; i < s->workers.busy; i++) kill(s->workers.list[i].pid, SIGTERM);
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
    warn_of(&s->p->cs->list[i].ec);
    warn_of(&s->p->cs->list[i].rsa);
  }
}

/* --- the loop --- */

static void next_deadline(state const *s, tain *t)
{
  *t = s->ending ? s->deadline : s->warning;
  for (unsigned int i = 0; i < s->nwaiting; i++)
    if (tain_less(&s->waiting[i].deadline, t)) *t = s->waiting[i].deadline;
}

static void turn(state *s, int signals)
{
  iopause_fd x[3 + PENDING_MAX] = {
      {.fd = signals, .events = IOPAUSE_READ},
      {.fd = s->p->master, .events = IOPAUSE_READ},
      {.fd = s->ending || s->nwaiting == PENDING_MAX ? -1 : s->p->listener, .events = IOPAUSE_READ}};
  tain deadline;

  for (unsigned int i = 0; i < s->nwaiting; i++)
    x[3 + i] = (iopause_fd){.fd = s->waiting[i].fd, .events = IOPAUSE_READ};
  next_deadline(s, &deadline);
  if (iopause_g(x, 3 + s->nwaiting, &deadline) < 0) strerr_diefusys(111, "wait for events");
  if (x[0].revents)
  {
    while (selfpipe_read() > 0)
      ;
    reap(s);
  }
  if (x[1].revents) hear_master(s);
  look_again(s, x + 3);
  if (x[2].revents && !s->ending) accept_all(s);
  warn_daily(s);
  refill(s);
}

void pool_run(pool *p, int ready)
{
  state s = {.p = p};
  int signals;

  tain_now_set_stopwatch_g();
  s.warning = STAMP;
  signals = selfpipe_init();
  if (signals < 0 || !selfpipe_trap(SIGCHLD) || !sig_ignore(SIGPIPE) || pipecoe(s.lifeline) < 0 ||
      crew_init(&s.workers, p->st->workers + p->st->spare) < 0)
    strerr_diefusys(111, "start the pool");
  counter_set(p->counters[POOL_EXPIRES], (uint64_t)p->cs->expires);
  warn_daily(&s);
  refill(&s);
  if (ready_notify(ready) < 0) strerr_diefusys(111, "tell that the pool is ready");
  while (!s.ending || s.workers.busy)
  {
    if (s.ending && !tain_future(&s.deadline))
    {
      kill_rest(&s);
      break;
    }
    turn(&s, signals);
  }
  _exit(0);
}
