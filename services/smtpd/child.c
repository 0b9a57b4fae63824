#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/env.h>
#include <skalibs/posixplz.h>

#include <runlib/clock.h>
#include <runlib/tcp/places.h>

#include "child.h"

static sigset_t waiting; /* the mask as it was given to us: for ppoll and for children */
static sig_atomic_t volatile terminated;
static sig_atomic_t volatile hurried;

static void on_signal(int sig)
{
  if (sig == SIGTERM || sig == PLACES_EVICT) terminated = sig;
  if (sig == PLACES_HURRY) hurried = 1;
}

int child_init(sigset_t const *given)
{
  /* A handler instead of SIG_IGN for SIGPIPE: programs that we start get the default back. */
  static int const taken[] = {SIGTERM, SIGCHLD, SIGPIPE, PLACES_EVICT, PLACES_HURRY};
  struct sigaction sa = {.sa_handler = on_signal, .sa_flags = 0};
  sigset_t blocked;

  if (given)
    waiting = *given;
  else if (sigprocmask(SIG_SETMASK, 0, &waiting) < 0)
    return -1;
  blocked = waiting;
  for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
  {
    if (sigaction(taken[i], &sa, 0) < 0) return -1;
    if (taken[i] != SIGPIPE) sigaddset(&blocked, taken[i]);
  }
  for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) sigdelset(&waiting, taken[i]);
  return sigprocmask(SIG_SETMASK, &blocked, 0);
}

int child_terminated(void)
{
  return terminated;
}

int child_hurried(void)
{
  return hurried;
}

/* What the new process does before it becomes the program; it borrows our memory, so it must change none of it. */
static void become(char const *const *argv, char const *const *envp, int const *fds, unsigned int n,
                   int group)
{
  if (group) setpgid(0, 0);
  for (unsigned int i = 0; i < n; i++)
    if (fds[i] == -1)
      close((int)i);
    else if (fds[i] == -2)
      continue;
    else if (dup2(fds[i], (int)i) < 0)
      return;
  sigprocmask(SIG_SETMASK, &waiting, 0);
  execve(argv[0], (char *const *)argv, (char *const *)envp);
}

/*
 * vfork, because posix_spawn makes a stack and asks for the action of each signal every time. Of our own handlers
 * only TERM's could run in the child, in the instant before it becomes the program, and it is meant for us as well.
 */
static pid_t spawn(char const *const *argv, char const *const *envp, int const *fds, unsigned int n,
                   int group)
{
  int volatile e = 0; /* written by the child, in our memory */
  pid_t pid;
  int wstat;

  pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
  if (!pid)
  {
    become(argv, envp, fds, n, group);
    e = errno;
    _exit(127);
  }
  if (pid < 0 || !e) return pid;
  while (waitpid(pid, &wstat, 0) < 0 && errno == EINTR)
    ;
  errno = e;
  return -1;
}

pid_t child_start(char const *const *argv, stralloc const *modifs, int const *fds, unsigned int n, int group)
{
  size_t envlen = env_len((char const *const *)environ);
  size_t max = envlen + 1;
  char const **envp;
  pid_t pid;
  int e;

  for (size_t i = 0; i < modifs->len; i++) max += !modifs->s[i];
  envp = malloc(max * sizeof *envp);
  if (!envp) return -1;
  env_merge(envp, max, (char const *const *)environ, envlen, modifs->s, modifs->len);
  pid = spawn(argv, envp, fds, n, group);
  e = errno;
  free(envp);
  errno = e;
  return pid;
}

int child_pause(int fd, short events, uint64_t deadline)
{
  struct pollfd x = {.fd = fd, .events = events};
  uint64_t now = clock_ms();
  uint64_t left = deadline > now ? deadline - now : 0;
  struct timespec t = {.tv_sec = (time_t)(left / 1000), .tv_nsec = (long)(left % 1000) * 1000000};

  return ppoll(&x, fd >= 0, &t, &waiting) > 0;
}

/* Takes the signal without its handler, which would cost another two passages into the kernel. */
static void wait_for_end(uint64_t left)
{
  struct timespec const t = {.tv_sec = (time_t)(left / 1000), .tv_nsec = (long)(left % 1000) * 1000000};
  sigset_t ends;

  sigemptyset(&ends);
  sigaddset(&ends, SIGCHLD);
  (void)sigtimedwait(&ends, 0, &t);
}

int child_wait(pid_t pid, int *wstat, uint64_t deadline)
{
  for (;;)
  {
    pid_t r = waitpid(pid, wstat, WNOHANG);
    uint64_t now;
    if (r == pid) return 0;
    if (r < 0 && errno != EINTR) return -1;
    now = clock_ms();
    if (now >= deadline)
    {
      errno = ETIMEDOUT;
      return -1;
    }
    wait_for_end(deadline - now);
  }
}
