#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/selfpipe.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <runlib/confine.h>
#include <runlib/ready.h>

#include "confine-internal.h"
#include "generation-internal.h"
#include "malloc-internal.h"
#include "keeper-internal.h"
#include "random-internal.h"
#include "hugecode-internal.h"
#include "psname-internal.h"
#include "worker-internal.h"

#define START_MS 30000

/* The settings stay in the process that loads them. */
static void load_settings(settings *st, char const *path)
{
  static stralloc text;
  char fmt[UINT_FMT];
  unsigned int line;
  char const *wrong;

  if (!openslurpclose(&text, path) || !stralloc_0(&text)) strerr_diefusys(111, "read ", path);
  wrong = settings_scan(st, text.s, &line);
  fmt[uint_fmt(fmt, line)] = 0;
  if (wrong) strerr_dief(102, path, line ? ":" : "", line ? fmt : "", ": ", wrong);
}

/* 102: the files are wrong; 111: nobody can tell now. */
static int verdict(void)
{
  return malloc_is_spent() ? 111 : 102;
}

static void keep_only(int const *fds, size_t n)
{
  for (int fd = 3; fd < 1024; fd++)
  {
    size_t i = 0;
    while (i < n && fds[i] != fd) i++;
    if (i == n) close(fd);
  }
  (void)close_range(1024, ~0u, 0);
}

static void run_keeper(master *m, int questions, int ready)
{
  settings st;
  confine_calls calls;
  char why[WHY_MAX];

  keep_only((int const[]){questions, ready}, 2);
  random_from_kernel();
  load_settings(&st, m->config);
  if (keeper_load(&st, why) < 0) strerr_dief(verdict(), why);
  psname_set("keeper", "of the private keys");
  confine_calls_make(&calls, 0);
  if (confine(m->uid, m->gid) < 0 || confine_calls_enter(&calls) < 0)
    strerr_diefusys(111, "confine the keeper of the keys");
  if (ready_notify(ready) < 0) strerr_diefusys(111, "tell that the keeper is ready");
  keeper_serve(questions);
  _exit(0);
}

static void run_pool(master *m, int questions, int control, int ready)
{
  static settings st;
  static contexts cs;
  pool p = {.listener = m->listener,
            .master = control,
            .keeper = questions,
            .common = m->common,
            .st = &st,
            .cs = &cs,
            .nusers = m->nusers};
  char why[WHY_MAX];

  keep_only((int const[]){m->listener, questions, control, ready}, 4);
  for (unsigned int i = 0; i < m->nusers; i++) p.users[i] = m->users[i];
  for (unsigned int i = 0; i < POOL_COUNTERS; i++) p.counters[i] = m->counters[i];
  p.counted = m->counted;
  random_from_kernel();
  load_settings(&st, m->config);
  ticket_use(&m->common->tickets);
  keeper_use(questions);
  if (contexts_build(&cs, &st, why) < 0) strerr_dief(verdict(), why);
  if (confine(m->uid, m->gid) < 0) strerr_diefusys(111, "confine the pool");
  if (contexts_warm(&cs, &st, why) < 0) strerr_dief(verdict(), why);
  code_in_huge_pages();
  malloc_fill_holes();
  confine_calls_make(&p.calls, CONFINE_ACCEPT | CONFINE_PAIR);
  p.ssl = worker_template(&cs);
  if (!p.ssl) strerr_dief(111, "out of memory");
  psname_set("pool", "");
  pool_run(&p, ready);
}

/* Whether the newline came: 0, or -1 when the process ended or took too long. */
static int wait_ready(int fd)
{
  struct pollfd p = {.fd = fd, .events = POLLIN};
  char c;
  int r;

  do r = poll(&p, 1, START_MS);
  while (r < 0 && errno == EINTR);
  if (!r) strerr_warnw("a process of this service takes too long to start");
  return r == 1 && read(fd, &c, 1) == 1 ? 0 : -1;
}

/* Its own exit status says more than that it failed. */
static void kill_and_wait(master *m, pid_t pid)
{
  int status;
  kill(pid, SIGKILL);
  waitpid_nointr(pid, &status, 0);
  m->failure = WIFEXITED(status) ? WEXITSTATUS(status) : 111;
}

/* Said at the first try alone. */
static void lacks(master const *m, char const *what)
{
  if (!m->again) strerr_warnwusys(what);
}

/* The pool, with its end of the line to the master; or, where control is -1, the keeper. */
static pid_t start(master *m, int questions, int control)
{
  int ready[2];
  pid_t pid;

  if (pipecoe(ready) < 0) return lacks(m, "make a pipe"), -1;
  pid = fork();
  if (pid < 0) lacks(m, control < 0 ? "start the keeper" : "start the pool");
  if (!pid)
  {
    selfpipe_finish();
    if (control < 0)
      run_keeper(m, questions, ready[1]);
    else
      run_pool(m, questions, control, ready[1]);
  }
  fd_close(ready[1]);
  if (pid > 0 && wait_ready(ready[0]) < 0)
  {
    kill_and_wait(m, pid);
    pid = -1;
  }
  fd_close(ready[0]);
  return pid;
}

static int free_place(master const *m)
{
  for (int i = 0; i < POOLS_MAX; i++)
    if (!m->list[i].pool) return i;
  return -1;
}

static int start_both(master *m, unsigned int n, int const questions[2], int const control[2])
{
  generation *g = m->list + n;

  g->keeper = start(m, questions[0], -1);
  if (g->keeper < 0) return -1;
  g->pool = start(m, questions[1], control[1]);
  if (g->pool > 0) return 0;
  g->pool = 0;
  int failure = m->failure;
  kill_and_wait(m, g->keeper);
  m->failure = failure;
  return -1;
}

int generation_start(master *m)
{
  int n = free_place(m);
  int questions[2];
  int control[2];
  int result;

  m->failure = 111;
  if (n < 0)
  {
    if (!m->again) strerr_warnw("too many earlier reloads still have sessions");
    return -1;
  }
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, questions) < 0)
    return lacks(m, "make a pair of sockets"), -1;
  result = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control);
  if (result < 0)
    lacks(m, "make a pair of sockets");
  else
  {
    result = start_both(m, (unsigned int)n, questions, control);
    fd_close(control[1]);
    if (result < 0)
      fd_close(control[0]);
    else
      m->list[n].pipe = control[0];
  }
  fd_close(questions[0]);
  fd_close(questions[1]);
  return result < 0 ? -1 : n;
}

void generation_end(master *m, unsigned int i, char how)
{
  if (m->list[i].pool) (void)!send(m->list[i].pipe, &how, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int generation_reaped(master *m, pid_t pid, int *was_pool)
{
  for (int i = 0; i < POOLS_MAX; i++)
  {
    generation *g = m->list + i;
    *was_pool = g->pool == pid;
    if (g->keeper == pid)
      g->keeper = 0;
    else if (!*was_pool)
      continue;
    if (*was_pool)
    {
      fd_close(g->pipe);
      g->pool = 0;
    }
    return i;
  }
  return -1;
}
