#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <services/contract/service.h>

#include <ctl/dashboard/run.h>

#define WORDS 12

/* In a process group of its own: ^C and ^Z are meant for the dashboard. */
static void become(char const *const *argv, int fd)
{
  sigset_t none;

  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  signal(SIGPIPE, SIG_DFL);
  setpgid(0, 0);
  if (fd_copy(1, fd) >= 0 && fd_copy(2, fd) >= 0)
  {
    fd_close(0);
    if (open_read("/dev/null") == 0) execv(argv[0], (char *const *)argv);
  }
  dprintf(fd, "unable to run %s: %s\n", argv[0], strerror(errno));
  _exit(111);
}

static void set_title(dash_run *r, char const *const *words)
{
  size_t n = (size_t)snprintf(r->title, sizeof r->title, "mailctl");

  for (; *words && n < sizeof r->title; words++)
    n += (size_t)snprintf(r->title + n, sizeof r->title - n, " %s", *words);
}

int dash_run_start(dash_run *r, char const *bin, char const *file, char const *const *words)
{
  char const *argv[WORDS + 1] = {0, "-c", file};
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (r->pid) return (errno = EBUSY, -1);
  dash_run_forget(r);
  for (size_t n = 3; n < WORDS && words[n - 3]; n++)
  {
    argv[n] = words[n - 3];
    argv[n + 1] = 0;
  }
  r->fd = memfd_create("mailctl", MFD_CLOEXEC);
  if (r->fd >= 0 && service_append(&path, "%s/mailctl", bin) >= 0 && stralloc_0(&path))
  {
    argv[0] = path.s;
    r->pid = fork();
    if (!r->pid) become(argv, r->fd);
    if (r->pid > 0)
      result = 0;
    else
      r->pid = 0;
  }
  if (result < 0) dash_run_forget(r);
  set_title(r, words);
  stralloc_free(&path);
  return result;
}

int dash_run_look(dash_run *r)
{
  size_t before = r->said.len;
  int ended = 0;
  ssize_t n;

  if (r->fd < 0) return 0;
  /* Waited for first: what it said is whole then. */
  if (r->pid && waitpid(r->pid, &r->wstat, WNOHANG) == r->pid)
  {
    r->pid = 0;
    ended = 1;
  }
  if (r->said.len < DASH_RUN_MAX && stralloc_readyplus(&r->said, DASH_RUN_MAX - r->said.len))
  {
    n = pread(r->fd, r->said.s + r->said.len, DASH_RUN_MAX - r->said.len, (off_t)r->said.len);
    if (n > 0) r->said.len += (size_t)n;
  }
  return ended || r->said.len != before;
}

void dash_run_forget(dash_run *r)
{
  if (r->pid) return;
  if (r->fd >= 0) fd_close(r->fd);
  r->fd = -1;
  r->said.len = 0;
}
