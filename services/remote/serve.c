#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <runlib/ready.h>

#include "serve.h"

#define PAUSE 1000 /* ms, after what this machine lacked */

static void wake(int sig)
{
  (void)sig;
}

/* The next connection, or -1. SIGCHLD is let in while it waits alone. */
static int next_connection(int full, sigset_t const *mask)
{
  struct pollfd x = {.fd = full ? -1 : 0, .events = POLLIN};
  int fd;

  if (ppoll(&x, 1, 0, mask) <= 0) return -1;
  fd = accept4(0, 0, 0, SOCK_CLOEXEC);
  if (fd >= 0 || errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return fd;
  strerr_warnwusys("accept a connection");
  poll(0, 0, PAUSE);
  return -1;
}

void serve(unsigned int most)
{
  struct sigaction const woken = {.sa_handler = &wake}, normal = {.sa_handler = SIG_DFL};
  sigset_t child, before;
  unsigned int n = 0;
  pid_t pid = -1;
  int fd = -1;

  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &child, &before) < 0 || sigaction(SIGCHLD, &woken, 0) < 0 || ndelay_on(0) < 0 ||
      ready_notify(1) < 0 || fd_ensure_open(1, 1) < 0)
    strerr_diefusys(111, "serve");
  while (pid)
  {
    while (n && waitpid(-1, 0, WNOHANG) > 0) n--;
    fd = next_connection(n == most, &before);
    if (fd < 0) continue;
    pid = fork();
    if (pid < 0) strerr_warnwusys("make a process");
    n += pid > 0;
    if (pid) fd_close(fd);
  }
  if (sigaction(SIGCHLD, &normal, 0) < 0 || sigprocmask(SIG_SETMASK, &before, 0) < 0 || dup2(fd, 0) < 0 ||
      dup2(fd, 1) < 0)
    strerr_diefusys(111, "take a connection");
  fd_close(fd);
}
