#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

#define STAT_MAX 1024
#define TREE_MAX                                                                                             \
  65536 /* processes: pids that change hands while we look cannot send us in circles for ever */

static uint64_t hertz(void)
{
  long hz = sysconf(_SC_CLK_TCK);
  return hz > 0 ? (uint64_t)hz : 100;
}

static ssize_t read_at(int proc, char const *name, char *s, size_t max)
{
  int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
  ssize_t n;

  if (fd < 0) return -1;
  n = fd_read(fd, s, max); /* the kernel makes such a file whole, at the first read */
  int e = errno;
  fd_close(fd);
  errno = e;
  return n;
}

/* What comes after ` 12` or ` -12`; 0: it is no number. A negative one counts from 2^64 down. */
static char const *scan_number(uint64_t *n, char const *s, char const *end)
{
  int minus = end - s > 1 && s[1] == '-';
  char const *first = s + 1 + minus;

  if (s == end || *s != ' ') return 0;
  for (s = first, *n = 0; s < end && *s >= '0' && *s <= '9'; s++) *n = 10 * *n + (uint64_t)(*s - '0');
  if (minus) *n = -*n;
  return s == first ? 0 : s;
}

/* Fields 4 to 24 of stat(5): the name in parentheses before them may hold anything. */
int process_scan(process *p, char const *s, size_t len)
{
  char const *end = s + len;
  char const *at = memrchr(s, ')', len);
  uint64_t field[25] = {0};

  memset(p, 0, sizeof *p);
  p->pid = (pid_t)strtoll(s, 0, 10);
  if (!at || end - at < 4 || at[1] != ' ') return (errno = EINVAL, -1);
  char state = at[2];
  at += 3;
  for (unsigned int i = 4; i <= 24; i++)
    if (!(at = scan_number(field + i, at, end))) return (errno = EINVAL, -1);
  p->parent = (pid_t)field[4];
  p->cpu = field[14] + field[15] + field[16] + field[17];
  p->threads = state == 'Z' || state == 'X' ? 0 : (unsigned int)field[20];
  p->start = field[22];
  p->memory = field[24] * (uint64_t)sysconf(_SC_PAGESIZE);
  return p->pid > 0 ? 0 : (errno = EINVAL, -1);
}

int process_read(process *p, int proc, pid_t pid)
{
  char name[PID_FMT + sizeof "/stat"];
  char buf[STAT_MAX];
  ssize_t n;

  strcpy(name + pid_fmt(name, pid), "/stat");
  n = read_at(proc, name, buf, sizeof buf - 1);
  if (n < 0) return -1;
  buf[n] = 0;
  if (!n) return (errno = ESRCH, -1);
  return process_scan(p, buf, (size_t)n);
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
