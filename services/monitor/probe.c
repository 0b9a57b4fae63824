#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/selfpipe.h>

#include "probe.h"

/* Ends with the monitor, whose end of the socket is then closed. Holds nothing else of it, least of all the log's pipe. */
static void __attribute__((noreturn)) serve(int fd, measure const *m, size_t i)
{
  queue_look look;
  char c;

  selfpipe_finish();
  if (fd) close_range(0, (unsigned int)fd - 1, 0);
  close_range((unsigned int)fd + 1, ~0u, 0);
  while (recv(fd, &c, 1, 0) > 0)
  {
    measure_queue(m, i, &look);
    if (send(fd, &look, sizeof look, MSG_NOSIGNAL) < 0) break;
  }
  _exit(0);
}

static int start(probe *p, measure const *m, size_t i)
{
  int fd[2];

  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0) return -1;
  p->pid = fork();
  if (!p->pid) serve(fd[1], m, i);
  fd_close(fd[1]);
  if (p->pid > 0)
  {
    p->fd = fd[0];
    return 0;
  }
  p->pid = 0;
  fd_close(fd[0]);
  return -1;
}

static void end(probe *p)
{
  if (!p->pid) return;
  kill(p->pid, SIGKILL);
  /* One that a file system holds outlives the signal for as long as that does, and is reaped by whom it is left to. */
  if (!p->asked) waitpid_nointr(p->pid, 0, 0);
  fd_close(p->fd);
  *p = (probe){.fd = -1};
}

static int ask(probe *p, measure const *m, size_t i, uint64_t now)
{
  int e;

  if (!p->pid && start(p, m, i) < 0) return -1;
  if (send(p->fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
  {
    e = errno;
    end(p); /* it died: the next question starts another */
    return (errno = e, -1);
  }
  p->asked = 1;
  p->since = now;
  return 0;
}

static void take(probe *p, queue_look *last, uint64_t now)
{
  queue_look look;
  ssize_t n = recv(p->fd, &look, sizeof look, MSG_DONTWAIT);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
  {
    if (now > p->since + PROBE_PATIENCE) last->wrong = ETIMEDOUT;
    return;
  }
  p->asked = 0;
  if (n == (ssize_t)sizeof look)
  {
    *last = look;
    return;
  }
  end(p);
  last->wrong = ECHILD;
}

void probes_init(probes *p)
{
  memset(p, 0, sizeof *p);
  for (size_t i = 0; i < QUEUES_MAX; i++) p->of[i].fd = -1, p->looks[i].wrong = ETIMEDOUT;
}

void probes_ask(probes *p, measure const *m, uint64_t now)
{
  for (size_t i = 0; i < m->n; i++)
    if (!p->of[i].asked && ask(&p->of[i], m, i, now) < 0) p->looks[i].wrong = errno;
}

int probes_take(probes *p, measure const *m, uint64_t now)
{
  int all = 1;

  for (size_t i = 0; i < m->n; i++)
  {
    if (p->of[i].asked) take(&p->of[i], &p->looks[i], now);
    all &= !p->of[i].asked;
  }
  return all;
}

void probes_end(probes *p)
{
  for (size_t i = 0; i < QUEUES_MAX; i++) end(&p->of[i]);
}
