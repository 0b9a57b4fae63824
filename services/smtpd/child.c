#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/env.h>
#include <skalibs/posixplz.h>

#include "child.h"

static sigset_t waiting; /* the mask as it was given to us: for ppoll and for children */
static sig_atomic_t volatile terminated;

static void on_signal(int sig)
{
  if (sig == SIGTERM) terminated = 1;
}

uint64_t child_clock(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int child_init(void)
{
  struct sigaction sa = {.sa_handler = on_signal, .sa_flags = 0};
  sigset_t blocked;

  /* A handler instead of SIG_IGN for SIGPIPE: programs that we start get the default back. */
  if (sigaction(SIGTERM, &sa, 0) < 0 || sigaction(SIGCHLD, &sa, 0) < 0 || sigaction(SIGPIPE, &sa, 0) < 0)
    return -1;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCHLD);
  sigaddset(&blocked, SIGTERM);
  if (sigprocmask(SIG_BLOCK, &blocked, &waiting) < 0) return -1;
  sigdelset(&waiting, SIGCHLD);
  sigdelset(&waiting, SIGTERM);
  return 0;
}

int child_terminated(void)
{
  return terminated;
}

static int actions_fill(posix_spawn_file_actions_t *actions, int const *fds, unsigned int n)
{
  int e = 0;

  for (unsigned int i = 0; i < n && !e; i++)
    if (fds[i] >= 0)
      e = posix_spawn_file_actions_adddup2(actions, fds[i], (int)i);
    else if (i < 3)
      e = posix_spawn_file_actions_addclose(actions, (int)i);
  return e;
}

static int spawn(pid_t *pid, char const *const *argv, char const *const *envp, int const *fds, unsigned int n,
                 int group)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  short flags = POSIX_SPAWN_SETSIGMASK | (group ? POSIX_SPAWN_SETPGROUP : 0);
  int e = posix_spawn_file_actions_init(&actions);

  if (e) return e;
  e = posix_spawnattr_init(&attr);
  if (!e)
  {
    (void)posix_spawnattr_setsigmask(&attr, &waiting);
    (void)posix_spawnattr_setpgroup(&attr, 0);
    (void)posix_spawnattr_setflags(&attr, flags);
    e = actions_fill(&actions, fds, n);
    if (!e) e = posix_spawn(pid, argv[0], &actions, &attr, (char *const *)argv, (char *const *)envp);
    posix_spawnattr_destroy(&attr);
  }
  posix_spawn_file_actions_destroy(&actions);
  return e;
}

pid_t child_start(char const *const *argv, stralloc const *modifs, int const *fds, unsigned int n, int group)
{
  size_t envlen = env_len((char const *const *)environ);
  size_t max = envlen + 1;
  char const **envp;
  pid_t pid = -1;
  int e;

  for (size_t i = 0; i < modifs->len; i++) max += !modifs->s[i];
  envp = malloc(max * sizeof *envp);
  if (!envp) return -1;
  env_merge(envp, max, (char const *const *)environ, envlen, modifs->s, modifs->len);
  e = spawn(&pid, argv, envp, fds, n, group);
  free(envp);
  errno = e;
  return e ? -1 : pid;
}

int child_pause(int fd, short events, uint64_t deadline)
{
  struct pollfd x = {.fd = fd, .events = events};
  uint64_t now = child_clock();
  uint64_t left = deadline > now ? deadline - now : 0;
  struct timespec t = {.tv_sec = (time_t)(left / 1000), .tv_nsec = (long)(left % 1000) * 1000000};

  return ppoll(&x, fd >= 0, &t, &waiting) > 0;
}

int child_wait(pid_t pid, int *wstat, uint64_t deadline)
{
  for (;;)
  {
    pid_t r = waitpid(pid, wstat, WNOHANG);
    if (r == pid) return 0;
    if (r < 0 && errno != EINTR) return -1;
    if (child_clock() >= deadline)
    {
      errno = ETIMEDOUT;
      return -1;
    }
    child_pause(-1, 0, deadline);
  }
}
