#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/clock.h>

#include "child.h"
#include "queue.h"

static void close_both(int const *p)
{
  fd_close(p[0]);
  fd_close(p[1]);
}

/* Pipes for message, envelope and errors. Returns 0, or -1 and errno, and nothing is open. */
static int open_pipes(int p[3][2])
{
  for (unsigned int i = 0; i < 3; i++)
    if (pipe2(p[i], O_CLOEXEC) < 0)
    {
      int e = errno;
      while (i--) close_both(p[i]);
      errno = e;
      return -1;
    }
  return 0;
}

int queue_open(queue *q, char const *program, stralloc const *vars)
{
  char const *const argv[] = {program, 0};
  int p[3][2];
  int e;

  if (open_pipes(p) < 0) return -1;
  int const fds[] = {p[0][0], p[1][0], -2, -2, -2, -2, p[2][1]};
  /* Our ends alone: a program that stops reading must not stop us for ever. */
  fcntl(p[0][1], F_SETFL, O_WRONLY | O_NONBLOCK);
  fcntl(p[1][1], F_SETFL, O_WRONLY | O_NONBLOCK);
  fcntl(p[2][0], F_SETFL, O_RDONLY | O_NONBLOCK);
  q->pid = child_start(argv, vars, fds, 7, 0);
  e = errno;
  fd_close(p[0][0]);
  fd_close(p[1][0]);
  fd_close(p[2][1]);
  q->message = p[0][1];
  q->envelope = p[1][1];
  q->errors = p[2][0];
  q->broken = 0;
  q->len = 0;
  q->words[0] = 0;
  if (q->pid > 0) return 0;
  fd_close(q->message);
  fd_close(q->envelope);
  fd_close(q->errors);
  q->pid = 0;
  errno = e;
  return -1;
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
      uint64_t deadline = clock_ms() + q->timeout;
      while (!child_pause(fd, POLLOUT, deadline))
        if (clock_ms() >= deadline)
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
  if (child_wait(pid, &wstat, clock_ms() + q->timeout) < 0)
  {
    if (errno != ETIMEDOUT) return -1;
    kill(pid, SIGKILL);
    (void)child_wait(pid, &wstat, clock_ms() + 1000);
    return -1;
  }
  return WIFEXITED(wstat) ? WEXITSTATUS(wstat) : -1;
}

/* What lies in the pipe, up to the end of its first line: what the program leaves running may hold it open. */
static void read_words(queue *q)
{
  ssize_t r = read(q->errors, q->words, sizeof q->words - 1);

  q->words[r > 0 ? r : 0] = 0;
  for (char *s = q->words; *s; s++)
    if ((unsigned char)*s < 32 || *s == 127) *s = 0;
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
  if (code == QUEUE_WORDS) read_words(q);
  fd_close(q->errors);
  return !code && q->broken ? 54 : code; /* it did not read all of what it accepted */
}

void queue_abandon(queue *q)
{
  if (!q->pid) return;
  fd_close(q->message);
  fd_close(q->envelope);
  q->len = 0;
  (void)reap(q);
  fd_close(q->errors);
}
