#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>
#include <skalibs/types.h>

#include <runlib/procstat.h>
#include <runlib/started.h>

#define STARTED_MAX 16384

uint64_t started_ticks(pid_t pid)
{
  process p;

  if (process_read(&p, -1, pid) < 0) return 0;
  return p.threads ? p.start : (errno = ESRCH, 0); /* dead, not yet reaped */
}

pid_t started_parent(pid_t pid)
{
  process p;

  return process_read(&p, -1, pid) < 0 || !p.threads ? 0 : p.parent;
}

static int changed(char const *line)
{
  uintmax_t dev, ino, size, mtime;
  int at = 0;
  struct stat st;

  if (sscanf(line, "%ju %ju %ju %ju %n", &dev, &ino, &size, &mtime, &at) != 4 || !at) return 1;
  if (stat(line + at, &st) < 0) return 1;
  return st.st_dev != dev || st.st_ino != ino || (uintmax_t)st.st_size != size ||
         (uintmax_t)st.st_mtim.tv_sec * 1000000000u + (uintmax_t)st.st_mtim.tv_nsec != mtime;
}

int started_file(char s[STARTED_FILE], int fd)
{
  struct stat st;

  if (fstat(fd, &st) < 0) return -1;
  return snprintf(s, STARTED_FILE, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
}

/* One read: the file was written in one step, and status reads hundreds of them. own: what FILE must be. */
static ssize_t read_file(int directory, char const *file, char *buf, char own[STARTED_FILE])
{
  int fd = openat(directory, file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ssize_t n;
  int e;

  if (fd < 0) return -1;
  n = started_file(own, fd) < 0 ? -1 : fd_read(fd, buf, STARTED_MAX);
  e = errno;
  fd_close(fd);
  errno = e;
  return n;
}

/* The first line. 1; 0: damaged; -1: of another file. */
static int scan(started *st, char const *s, char const *own)
{
  unsigned int pid;
  size_t n = uint_scan(s, &pid);

  if (!n || s[n] != ' ' || !pid || pid > INT_MAX) return 0;
  st->pid = (pid_t)pid;
  s += n + 1;
  n = uint64_scan(s, &st->ticks);
  if (!n || s[n] != ' ') return 0;
  s += n + 1;
  n = strcspn(s, " ");
  if (!n || n > STARTED_CONTENT) return 0;
  memcpy(st->content, s, n);
  st->content[n] = 0;
  return !s[n] || !strcmp(s + n + 1, own) ? 1 : -1;
}

int started_read_at(started *st, int fd, char const *file)
{
  char buf[STARTED_MAX + 1];
  char own[STARTED_FILE];
  ssize_t n = read_file(fd, file, buf, own);
  int r;
  char *line;
  char *next;

  if (n < 0) return -1;
  buf[n] = 0;
  next = strchr(buf, '\n');
  if (!next) return (errno = EINVAL, -1);
  *next++ = 0;
  memset(st, 0, sizeof *st);
  r = scan(st, buf, own);
  if (r <= 0) return (errno = r ? ENOENT : EINVAL, -1);
  for (line = next; (next = strchr(line, '\n')); line = next)
  {
    *next++ = 0;
    if (changed(line)) st->replaced = 1;
  }
  return 0;
}

int started_read(started *st, char const *file)
{
  return started_read_at(st, AT_FDCWD, file);
}

static int add_program(stralloc *sa, char const *path)
{
  char buf[128];
  struct stat st;

  if (stat(path, &st) < 0) return 0;
  snprintf(buf, sizeof buf, "%ju %ju %ju %ju ", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino,
           (uintmax_t)st.st_size, (uintmax_t)st.st_mtim.tv_sec * 1000000000u + (uintmax_t)st.st_mtim.tv_nsec);
  return stralloc_cats(sa, buf) && stralloc_cats(sa, path) && stralloc_catb(sa, "\n", 1) ? 0 : -1;
}

static int add_programs(stralloc *sa, char const *programs, size_t len)
{
  char path[4096];

  while (len)
  {
    char const *end = memchr(programs, '\n', len);
    size_t n = end ? (size_t)(end - programs) : len;
    if (n && n < sizeof path)
    {
      memcpy(path, programs, n);
      path[n] = 0;
      if (add_program(sa, path) < 0) return -1;
    }
    n += end != 0;
    programs += n;
    len -= n;
  }
  return 0;
}

int started_write(char const *file, pid_t pid, char const *content, char const *programs, size_t len)
{
  stralloc sa = STRALLOC_ZERO;
  char new[4096];
  char own[STARTED_FILE];
  char buf[128 + STARTED_FILE];
  int result = -1;
  int fd;

  if ((size_t)snprintf(new, sizeof new, "%s.new", file) >= sizeof new) return (errno = ENAMETOOLONG, -1);
  fd = open3(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return -1;
  if (started_file(own, fd) > 0)
  {
    snprintf(buf, sizeof buf, "%d %" PRIu64 " %.32s %s\n", (int)pid, started_ticks(pid), content, own);
    if (stralloc_cats(&sa, buf) && add_programs(&sa, programs, len) >= 0 &&
        allwrite(fd, sa.s, sa.len) == sa.len)
      result = rename(new, file);
  }
  fd_close(fd);
  if (result < 0) unlink(new);
  stralloc_free(&sa);
  return result;
}

int started_mark(char const *file, pid_t pid)
{
  char buf[64];
  int n = snprintf(buf, sizeof buf, "%d %" PRIu64 "\n", (int)pid, started_ticks(pid));

  return openwritenclose_suffix(file, buf, (size_t)n, ".new") ? 0 : -1;
}

int started_is_marked(char const *file, started const *st)
{
  char buf[64];
  ssize_t n = openreadnclose(file, buf, sizeof buf - 1);
  uint64_t ticks;
  int pid;

  if (n <= 0) return 0;
  buf[n] = 0;
  if (sscanf(buf, "%d %" SCNu64, &pid, &ticks) != 2) return 0;
  return (pid == st->pid && ticks == st->ticks) || (st->ticks && ticks > st->ticks);
}
