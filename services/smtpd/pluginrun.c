#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/clock.h>

#include "child.h"
#include "pluginrun.h"

#define SOON 20 /* ms */

/*
 * Reads what is there, at most what a pipe holds: one that writes without end must not keep us from looking at
 * the clock. There is room for it in output. Returns 1 at its end, 0 if there may be more later.
 */
static int drain(int fd, stralloc *output)
{
  char buf[4096];

  for (unsigned int i = 0; i < 16; i++)
  {
    ssize_t r = read(fd, buf, sizeof buf);
    if (!r || (r < 0 && errno != EAGAIN && errno != EINTR)) return 1;
    if (r < 0) return 0;
    if (output->len + (size_t)r <= PLUGIN_OUTPUT_MAX) stralloc_catb(output, buf, (size_t)r);
    if ((size_t)r < sizeof buf) return 0;
  }
  return 0;
}

static plugin_end verdict(int wstat)
{
  if (WIFSIGNALED(wstat)) return PLUGIN_CRASHED;
  return WEXITSTATUS(wstat) == 120 ? PLUGIN_MISSING : PLUGIN_RAN;
}

/* Until the plugin ends, with an eye on its output: one that fills its pipe waits for us. */
static plugin_end watch(pid_t pid, int *wstat, int fd, stralloc *output, uint64_t deadline)
{
  int ended = 0;

  for (;;)
  {
    pid_t r;
    if (child_pause(ended ? -1 : fd, POLLIN, deadline)) ended = drain(fd, output);
    r = waitpid(pid, wstat, WNOHANG);
    if (r == pid) break;
    if (r < 0 && errno != EINTR) return PLUGIN_TROUBLE;
    if (clock_ms() < deadline) continue;
    kill(-pid, SIGKILL);
    (void)child_wait(pid, wstat, clock_ms() + 1000);
    if (!ended) (void)drain(fd, output);
    return PLUGIN_TIMEOUT;
  }
  if (!ended) (void)drain(fd, output);
  return verdict(*wstat);
}

/* Most plugins write a line and end: then we wake once, for the end. Only one that takes longer is watched. */
static plugin_end finish(pid_t pid, int fd, stralloc *output, unsigned int timeout)
{
  uint64_t now = clock_ms();
  int wstat;

  if (child_wait(pid, &wstat, now + (timeout < SOON ? timeout : SOON)) < 0)
    return watch(pid, &wstat, fd, output, now + timeout);
  (void)drain(fd, output);
  return verdict(wstat);
}

plugin_end plugin_run(char const *command, stralloc const *vars, stralloc *output, unsigned int timeout)
{
  char const *const shell[] = {"/bin/sh", "-c", command + 1, 0};
  char const *const program[] = {command, 0};
  int p[2];
  int fds[2];
  pid_t pid;
  plugin_end end;

  /* Before it runs: a refusal that finds no room would be lost. */
  if (!stralloc_ready(output, PLUGIN_OUTPUT_MAX) || pipe2(p, O_CLOEXEC) < 0) return PLUGIN_TROUBLE;
  fcntl(p[0], F_SETFL, O_RDONLY | O_NONBLOCK);
  fds[0] = -1;
  fds[1] = p[1];
  pid = child_start(*command == ':' ? shell : program, vars, fds, 2, 1);
  fd_close(p[1]);
  if (pid < 0)
    end = errno == EAGAIN || errno == ENOMEM ? PLUGIN_TROUBLE : PLUGIN_MISSING;
  else
    end = finish(pid, p[0], output, timeout);
  fd_close(p[0]);
  return end;
}
