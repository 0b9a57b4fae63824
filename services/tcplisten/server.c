#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <skalibs/djbunix.h>
#include <skalibs/error.h>
#include <skalibs/iopause.h>
#include <skalibs/selfpipe.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "server-internal.h"
#include "spawn-internal.h"

#define BATCH 32 /* connections taken from one listener before signals and the others get their turn */
#define GRACE 5  /* seconds between TERM and KILL, and between KILL and giving up */

/* --- the log ------------------------------------------------------------------------------------- */

/* Whether the line may be said now; missed then tells how many went unsaid ("" or " (N more)"). */
static int may_say(hush *h, char *missed)
{
  size_t n = 0;

  missed[0] = 0;
  if (tain_less(&STAMP, &h->next))
  {
    h->missed++;
    return 0;
  }
  if (h->missed)
  {
    memcpy(missed, " (", 2);
    n = 2 + uint_fmt(missed + 2, h->missed);
    memcpy(missed + n, " more)", 7);
  }
  h->missed = 0;
  tain_addsec_g(&h->next, 1);
  return 1;
}

static void log_start(pid_t pid, listener const *l, endpoint const *local, endpoint const *remote)
{
  char number[PID_FMT];
  char here[ENDPOINT_FMT], there[ENDPOINT_FMT];

  number[pid_fmt(number, pid)] = 0;
  endpoint_fmt(here, local);
  endpoint_fmt(there, remote);
  strerr_warni("pid ", number, " serves ", there, " at ", here, l->label[0] ? "/" : "", l->label);
}

static void log_signal(pid_t pid, endpoint const *peer, int signal)
{
  char number[PID_FMT];
  char with[UINT_FMT];
  char there[ENDPOINT_FMT];

  number[pid_fmt(number, pid)] = 0;
  with[uint_fmt(with, (unsigned int)signal)] = 0;
  endpoint_fmt(there, peer);
  strerr_warnw("pid ", number, ", which served ", there, ", was killed by signal ", with);
}

/* --- sessions ------------------------------------------------------------------------------------ */

static void count_now(server *s)
{
  counter_set(s->counters[NOW], s->sessions.n);
}

static void reap(server *s)
{
  endpoint peer;
  int status;
  pid_t pid;

  while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
    if (sessions_remove(&s->sessions, pid, &peer) && WIFSIGNALED(status) && s->stage < ENDING)
      log_signal(pid, &peer, WTERMSIG(status));
  count_now(s);
}

/* Tells the client in one write that does not wait: a socket so new takes it, or the client goes without. */
static void refuse(server *s, int fd, endpoint const *remote, char const *why)
{
  char there[ENDPOINT_FMT];
  char missed[UINT_FMT + 16];
  char line[512];
  size_t n;

  counter_add(s->counters[REFUSED], 1);
  if (s->o->refusal)
  {
    n = strlen(s->o->refusal);
    memcpy(line, s->o->refusal, n);
    memcpy(line + n, "\r\n", 2);
    (void)send(fd, line, n + 2, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  endpoint_fmt(there, remote);
  if (may_say(&s->refusals, missed)) strerr_warnw("refused ", there, ": ", why, missed);
}

/* A machine out of something, now: says so when that begins, and lets it recover for a second. */
static void falter(server *s, char const *what)
{
  int e = errno;
  char missed[UINT_FMT + 16];

  tain_addsec_g(&s->pause, 1);
  if (s->failing == e || !may_say(&s->failures, missed)) return;
  s->failing = errno = e;
  strerr_warnwusys(what, missed);
}

static void recover(server *s)
{
  if (s->failing) strerr_warni("connections are served again");
  s->failing = 0;
}

static int is_full(server const *s)
{
  return s->sessions.n >= s->o->total;
}

static char const *over_limit(server const *s, endpoint const *remote)
{
  client c;

  if (is_full(s)) return "the limit of all connections (-c)";
  if (!s->o->per_client) return 0;
  endpoint_client(&c, remote);
  return sessions_count(&s->sessions, &c) >= s->o->per_client ? "the limit of one client's connections (-C)"
                                                              : 0;
}

static void serve(server *s, listener const *l, int fd, endpoint const *local, endpoint const *remote)
{
  char const *why = over_limit(s, remote);
  pid_t pid;

  /* A session may just have ended. */
  if (why)
  {
    reap(s);
    why = over_limit(s, remote);
  }
  if (why)
  {
    refuse(s, fd, remote, why);
    return;
  }
  environment_set(&s->environment, local, remote, l->label);
  pid = spawn_on(fd, s->path, s->o->program, s->environment.vars, &s->mask);
  if (!pid)
  {
    falter(s, "run the program");
    refuse(s, fd, remote, "the program does not run");
    return;
  }
  recover(s);
  sessions_add(&s->sessions, pid, remote);
  counter_add(s->counters[TOTAL], 1);
  count_now(s);
  if (s->o->verbose) log_start(pid, l, local, remote);
}

/* --- the loop ------------------------------------------------------------------------------------ */

static int is_accepting(server const *s)
{
  return s->stage == SERVING && !tain_future(&s->pause) && (!is_full(s) || s->o->refusal);
}

/* Errors that belong to one connection, by accept(2): the next one may be fine. */
static int is_clients_error(void)
{
  switch (errno)
  {
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET: return 1;
    default: return 0;
  }
}

static void accept_from(server *s, listener const *l)
{
  endpoint local, remote;

  for (unsigned int i = 0; i < BATCH && is_accepting(s); i++)
  {
    int fd = listener_accept(l, &local, &remote);
    if (fd >= 0)
    {
      serve(s, l, fd, &local, &remote);
      fd_close(fd);
    }
    else if (error_isagain(errno))
      return;
    else if (!is_clients_error())
    {
      falter(s, "accept a connection");
      return;
    }
  }
}

static void kill_all(server *s, int signal, stage next)
{
  for (unsigned int i = 0; i < s->sessions.n; i++) kill(s->sessions.pids[i], signal);
  s->stage = next;
  tain_addsec_g(&s->deadline, GRACE);
}

static void end_now(server *s)
{
  if (s->stage < ENDING) kill_all(s, SIGTERM, ENDING);
}

static void stop(server *s)
{
  char number[UINT_FMT], seconds[UINT_FMT];

  for (unsigned int i = 0; i < s->nlisteners; i++) fd_close(s->listeners[i].fd);
  s->nlisteners = 0;
  s->stage = DRAINING;
  tain_addsec_g(&s->deadline, (int)s->o->drain);
  if (!s->sessions.n) return;
  number[uint_fmt(number, s->sessions.n)] = 0;
  seconds[uint_fmt(seconds, s->o->drain)] = 0;
  strerr_warni("stopping: ", number, s->sessions.n == 1 ? " session has " : " sessions have ", seconds,
               " s to end");
}

static void take_signals(server *s)
{
  for (;;) switch (selfpipe_read())
    {
      case -1: strerr_warnwusys("read signals"); return;
      case 0: return;
      case SIGCHLD: reap(s); break;
      case SIGTERM:
      case SIGINT:
        if (s->stage == SERVING)
          stop(s);
        else
          end_now(s); /* asked twice */
        break;
      case SIGQUIT:
        if (s->stage == SERVING) stop(s);
        end_now(s);
        break;
      default: break;
    }
}

/* Returns 0 when there is nothing left to wait for. */
static int go_on(server *s)
{
  if (s->stage == SERVING) return 1;
  if (!s->sessions.n) return 0;
  if (tain_future(&s->deadline)) return 1;
  switch (s->stage)
  {
    case DRAINING: end_now(s); return 1;
    case ENDING: kill_all(s, SIGKILL, KILLING); return 1;
    default: strerr_warnw("leaving a session that KILL does not end"); return 0;
  }
}

static void wait_and_act(server *s)
{
  iopause_fd x[1 + LISTENERS_MAX];
  unsigned int n = is_accepting(s) ? s->nlisteners : 0;
  tain const *deadline = &tain_infinite;

  if (s->stage != SERVING)
    deadline = &s->deadline;
  else if (tain_future(&s->pause))
    deadline = &s->pause;
  x[0].fd = s->signals;
  x[0].events = IOPAUSE_READ;
  for (unsigned int i = 0; i < n; i++)
  {
    x[1 + i].fd = s->listeners[i].fd;
    x[1 + i].events = IOPAUSE_READ;
  }
  if (iopause_g(x, 1 + n, deadline) < 0) strerr_diefusys(111, "wait for connections");
  if (x[0].revents) take_signals(s);
  for (unsigned int i = 0; i < n && s->stage == SERVING; i++)
    if (x[1 + i].revents) accept_from(s, s->listeners + i);
}

void server_run(server *s)
{
  while (go_on(s)) wait_and_act(s);
}
