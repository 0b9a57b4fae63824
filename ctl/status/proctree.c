#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/genalloc.h>
#include <skalibs/types.h>

#include <ctl/status/proctree.h>

#define TREE_MAX                                                                                             \
  65536 /* processes: pids that change hands while we look cannot send us in circles for ever */

static uint64_t hertz(void)
{
  long hz = sysconf(_SC_CLK_TCK);
  return hz > 0 ? (uint64_t)hz : 100;
}

/* --- descendants --------------------------------------------------------------------------------- */

static int is_gone(void)
{
  return errno == ENOENT || errno == ESRCH;
}

/* Adds the children of a thread. A kernel without such files (CONFIG_PROC_CHILDREN) is an error. */
static int add_thread(genalloc *pids, int proc, pid_t pid, char const *thread)
{
  char name[PID_FMT + NAME_MAX + 32];
  char buf[4096];
  size_t kept = 0;
  ssize_t n;
  int fd;

  stpcpy(stpcpy(stpcpy(name + pid_fmt(name, pid), "/task/"), thread), "/children");
  fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  while ((n = fd_read(fd, buf + kept, sizeof buf - 1 - kept)) > 0)
  {
    char *s = buf;
    size_t len = kept + (size_t)n;
    buf[len] = 0;
    for (char *blank; (blank = strchr(s, ' ')); s = blank + 1)
    {
      pid_t child = (pid_t)strtol(s, 0, 10);
      if (child > 0 && !genalloc_append(pid_t, pids, &child)) return (fd_close(fd), -1);
    }
    kept = (size_t)(buf + len - s);
    if (kept >= 32) kept = 0;
    memmove(buf, s, kept);
  }
  int e = errno;
  fd_close(fd);
  errno = e;
  return n < 0 ? -1 : 0;
}

int process_children(genalloc *pids, int proc, process const *p)
{
  char name[32];
  struct dirent *e;
  int result = 0;
  DIR *d;
  int fd;

  name[pid_fmt(name, p->pid)] = 0;
  if (p->threads <= 1) return p->threads ? add_thread(pids, proc, p->pid, name) : 0;
  snprintf(name, sizeof name, "%d/task", (int)p->pid);
  fd = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  d = fd < 0 ? 0 : fdopendir(fd);
  if (!d)
  {
    if (fd >= 0) fd_close(fd);
    return -1;
  }
  while (!result && (e = readdir(d)))
    if (e->d_name[0] != '.') result = add_thread(pids, proc, p->pid, e->d_name) < 0 && !is_gone() ? -1 : 0;
  closedir(d);
  return result;
}

/* Whether the kernel has the files of add_thread at all: then one that is missing is that of a process that ended. */
static int knows_children(int proc)
{
  return !faccessat(proc, "thread-self/children", R_OK, 0);
}

int proctree_sum(proctree *t, int proc, process const *p)
{
  genalloc pids = GENALLOC_ZERO;
  uint64_t cpu = 0;
  int result = 0;

  memset(t, 0, sizeof *t);
  for (size_t i = 0; !result; i++)
  {
    process one = *p;
    if (i)
    {
      if (i > genalloc_len(pid_t, &pids)) break;
      if (process_read(&one, proc, genalloc_s(pid_t, &pids)[i - 1]) < 0)
      {
        result = is_gone() ? 0 : -1;
        continue;
      }
    }
    cpu += one.cpu;
    t->memory += one.memory;
    t->processes++;
    if (genalloc_len(pid_t, &pids) > TREE_MAX)
      result = (errno = EOVERFLOW, -1);
    else if (process_children(&pids, proc, &one) < 0 && (!is_gone() || !knows_children(proc)))
      result = -1;
  }
  t->cpu = (double)cpu / (double)hertz();
  genalloc_free(pid_t, &pids);
  return result;
}

double process_seconds(process const *p)
{
  return (double)p->cpu / (double)hertz();
}

double process_age(process const *p)
{
  struct timespec boot;

  if (!p->start || clock_gettime(CLOCK_BOOTTIME, &boot) < 0) return -1;
  return (double)boot.tv_sec + (double)boot.tv_nsec / 1e9 - (double)p->start / (double)hertz();
}

int process_birth(tain *t, process const *p)
{
  double age = process_age(p);
  tain span;

  if (age < 0 || !tain_wallclock_read(t)) return -1;
  span.sec.x = (uint64_t)age;
  span.nano = (uint32_t)((age - (double)span.sec.x) * 1e9);
  tain_sub(t, t, &span);
  return 0;
}
