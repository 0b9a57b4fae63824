#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include "child.h"
#include "queue.h"

static void close_both(int const *p)
{
  fd_close(p[0]);
  fd_close(p[1]);
}

int queue_open(queue *q, char const *program, stralloc const *vars)
{
  char const *const argv[] = {program, 0};
  int message[2], envelope[2], fds[2];

  if (pipe2(message, O_CLOEXEC) < 0) return -1;
  if (pipe2(envelope, O_CLOEXEC) < 0)
  {
    close_both(message);
    return -1;
  }
  fds[0] = message[0];
  fds[1] = envelope[0];
  /* Our ends alone: a program that stops reading must not stop us for ever. */
  fcntl(message[1], F_SETFL, O_WRONLY | O_NONBLOCK);
  fcntl(envelope[1], F_SETFL, O_WRONLY | O_NONBLOCK);
  q->pid = child_start(argv, vars, fds, 2, 0);
  fd_close(message[0]);
  fd_close(envelope[0]);
  if (q->pid < 0)
  {
    int e = errno;
    fd_close(message[1]);
    fd_close(envelope[1]);
    q->pid = 0;
    errno = e;
    return -1;
  }
  q->message = message[1];
  q->envelope = envelope[1];
  q->broken = 0;
  q->len = 0;
  return 0;
}

static void send_all(queue *q, int fd, char const *s, size_t len)
{
  while (len && !q->broken)
  {
    ssize_t r = write(fd, s, len);
    if (r > 0)
    {
      s += r;
      len -= (size_t)r;
    }
    else if (errno == EAGAIN)
    {
      uint64_t deadline = child_clock() + q->timeout;
      while (!child_pause(fd, POLLOUT, deadline))
        if (child_clock() >= deadline)
        {
          q->broken = ETIMEDOUT;
          break;
        }
    }
    else if (errno != EINTR)
      q->broken = errno;
  }
}

void queue_put(queue *q, char const *bytes, size_t len)
{
  if (q->len + len > sizeof q->buffer)
  {
    send_all(q, q->message, q->buffer, q->len);
    q->len = 0;
  }
  if (len > sizeof q->buffer)
  {
    send_all(q, q->message, bytes, len);
    return;
  }
  memcpy(q->buffer + q->len, bytes, len);
  q->len += len;
}

static int reap(queue *q)
{
  pid_t pid = q->pid;
  int wstat;

  q->pid = 0;
  if (child_wait(pid, &wstat, child_clock() + q->timeout) < 0)
  {
    if (errno != ETIMEDOUT) return -1;
    kill(pid, SIGKILL);
    (void)child_wait(pid, &wstat, child_clock() + 1000);
    return -1;
  }
  return WIFEXITED(wstat) ? WEXITSTATUS(wstat) : -1;
}

int queue_close(queue *q, char const *envelope, size_t len)
{
  int code;

  send_all(q, q->message, q->buffer, q->len);
  q->len = 0;
  fd_close(q->message);
  send_all(q, q->envelope, envelope, len);
  fd_close(q->envelope);
  code = reap(q);
  return !code && q->broken ? 54 : code; /* it did not read all of what it accepted */
}

void queue_abandon(queue *q)
{
  if (!q->pid) return;
  fd_close(q->message);
  fd_close(q->envelope);
  q->len = 0;
  (void)reap(q);
}
