#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "hook.h"

#define GRACE 2000 /* ms between TERM and KILL */

extern char **environ;

unsigned int hook_next(unsigned int at, unsigned int level)
{
  return at < level ? at + 1 : at > level ? at - 1 : at;
}

/* A process group of its own, no input, our log, and no signal blocked or ignored. */
static int start(pid_t *pid, char const *command)
{
  char *argv[] = {(char[]){"execlineb"}, (char[]){"-Pc"}, (char *)(uintptr_t)command, 0};
  posix_spawn_file_actions_t files;
  posix_spawnattr_t how;
  sigset_t none, all;
  int e;

  sigemptyset(&none);
  sigfillset(&all);
  if ((e = posix_spawn_file_actions_init(&files))) return (errno = e, -1);
  if ((e = posix_spawnattr_init(&how))) return (posix_spawn_file_actions_destroy(&files), errno = e, -1);
  e = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  if (!e) e = posix_spawn_file_actions_adddup2(&files, 2, 1);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&how, 0);
  posix_spawnattr_setsigmask(&how, &none);
  posix_spawnattr_setsigdefault(&how, &all);
  if (!e) e = posix_spawnp(pid, argv[0], &files, &how, argv, environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&how);
  return e ? (errno = e, -1) : 0;
}

/* What the machine lacks now, it may have soon. */
static int passes(int e)
{
  return e == EAGAIN || e == ENOMEM || e == EMFILE || e == ENFILE;
}

/* Says why when that begins. Returns -1 if it is to be tried again. */
static int falter(hook *h, char const *command, int e)
{
  h->pid = 0;
  if (e != h->failing) strerr_warnwusys("run `", command, "`");
  h->failing = passes(e) ? e : 0;
  return h->failing ? -1 : 0;
}

static int run(hook *h, char const *command, unsigned int level, char const *event, char const *reason,
               uint64_t now)
{
  char s[UINT_FMT];

  s[uint_fmt(s, level)] = 0;
  setenv("OVERLOAD_LEVEL", s, 1);
  setenv("OVERLOAD_EVENT", event, 1);
  setenv("OVERLOAD_REASON", reason, 1);
  if (start(&h->pid, command) < 0) return falter(h, command, errno);
  strerr_warn(PROG, ": level ", s, ", ", event, ": runs `", command, "`");
  h->failing = 0;
  h->name = command;
  h->deadline = now + h->timeout;
  h->sent = 0;
  return 0;
}

void hook_run(hook *h, unsigned int level, char const *reason, uint64_t now)
{
  if (h->at == level) h->failing = 0;
  while (!h->pid && h->at != level)
  {
    unsigned int next = hook_next(h->at, level);
    int up = next > h->at;
    char const *command = up ? h->enter[next - 1] : h->leave[h->at - 1];

    if (command && run(h, command, up ? next : h->at, up ? "enter" : "leave", reason, now) < 0) return;
    h->at = next;
  }
}

void hook_expire(hook *h, uint64_t now)
{
  if (!h->pid || now < h->deadline || h->sent >= 2) return;
  if (!h->sent) strerr_warnw("`", h->name, "` takes too long: ending it");
  kill(-h->pid, h->sent ? SIGKILL : SIGTERM);
  h->deadline = h->sent++ ? UINT64_MAX : now + GRACE;
}

void hook_reap(hook *h)
{
  char s[INT_FMT];
  int wstat;

  if (!h->pid || waitpid_nointr(h->pid, &wstat, WNOHANG) <= 0) return;
  s[int_fmt(s, WIFSIGNALED(wstat) ? WTERMSIG(wstat) : WEXITSTATUS(wstat))] = 0;
  if (wstat) strerr_warnw("`", h->name, WIFSIGNALED(wstat) ? "` was ended by signal " : "` exited ", s);
  h->pid = 0;
}
