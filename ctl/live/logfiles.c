#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <skalibs/djbunix.h>
#include <skalibs/genalloc.h>

#include <runlib/walk.h>

#include <ctl/live/logfiles.h>

#define LOOKS 10 /* at a directory that changes all the time */

typedef struct file_s file;
struct file_s
{
  char name[32];
  dev_t dev;
  ino_t ino;
};

/* --- those that nobody writes to any more, oldest first ------------------------------------------ */

static int is_same(file const *f, struct stat const *st)
{
  return f->ino == st->st_ino && f->dev == st->st_dev;
}

/* The place of the one that is open as fd; n: it is not there. */
static size_t find(file const *f, size_t n, int fd)
{
  struct stat st;
  size_t i = 0;

  if (fd < 0 || fstat(fd, &st) < 0) return n;
  while (i < n && !is_same(f + i, &st)) i++;
  return i;
}

static int add(genalloc *files, int dir, char const *name)
{
  file f = {.name = ""};
  struct stat st;

  if ((name[0] != '@' && strcmp(name, "previous")) || strlen(name) >= sizeof f.name) return 0;
  if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return errno == ENOENT ? 0 : -1;
  strcpy(f.name, name);
  f.dev = st.st_dev;
  f.ino = st.st_ino;
  return genalloc_append(file, files, &f) ? 0 : -1;
}

/* `previous` comes behind every @. */
static int by_name(void const *a, void const *b)
{
  return strcmp(((file const *)a)->name, ((file const *)b)->name);
}

/* For a moment the newest has both names. */
static void sort(genalloc *files)
{
  file *f = genalloc_s(file, files);
  size_t n = genalloc_len(file, files);

  if (n < 2) return;
  qsort(f, n, sizeof *f, &by_name);
  if (f[n - 1].ino == f[n - 2].ino && f[n - 1].dev == f[n - 2].dev) genalloc_setlen(file, files, n - 1);
}

/* One look. What gets another name meanwhile may be missed. */
static int look(genalloc *files, int dir)
{
  int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *d = fd < 0 ? 0 : fdopendir(fd);
  struct dirent *e;
  int result = d ? 0 : -1;

  genalloc_setlen(file, files, 0);
  while (!result && (errno = 0, e = readdir(d))) result = add(files, dir, e->d_name);
  if (d && errno) result = -1;
  if (d)
    closedir(d);
  else if (fd >= 0)
    fd_close(fd);
  if (!result) sort(files);
  return result;
}

static int is_equal(genalloc const *a, genalloc const *b)
{
  size_t n = genalloc_len(file, a);
  file const *x = genalloc_s(file, a);
  file const *y = genalloc_s(file, b);

  if (genalloc_len(file, b) != n) return 0;
  for (; n; n--, x++, y++)
    if (strcmp(x->name, y->name) || x->ino != y->ino) return 0;
  return 1;
}

/* Until two looks see the same. */
static int list(genalloc *files, int dir)
{
  genalloc before = GENALLOC_ZERO;
  int result = look(files, dir);

  for (unsigned int i = 0; i < LOOKS && !result; i++)
  {
    genalloc const seen = *files;
    *files = before;
    before = seen;
    result = look(files, dir);
    if (!result && is_equal(files, &before)) break;
  }
  genalloc_free(file, &before);
  return result;
}

/* --- opening ------------------------------------------------------------------------------------- */

static int open_name(int dir, char const *name)
{
  return walk_open(dir, name, O_RDONLY, 0);
}

/*
 * -1 and errno: EAGAIN if the name is no longer its own, ENOENT if the file is gone; or if somebody else has put it
 * there: it is no part of the log.
 */
static int open_listed(int dir, file const *f)
{
  struct stat st;
  int fd = open_name(dir, f->name);

  if (fd < 0 && (errno == EPERM || errno == ELOOP || errno == EINVAL || errno == EISDIR)) errno = ENOENT;
  if (fd < 0) return f->name[0] != '@' && errno == ENOENT ? (errno = EAGAIN, -1) : -1;
  if (!fstat(fd, &st) && is_same(f, &st)) return fd;
  fd_close(fd);
  return (errno = EAGAIN, -1);
}

static int is_one(int a, int b)
{
  struct stat x, y;

  return a >= 0 && b >= 0 && !fstat(a, &x) && !fstat(b, &y) && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

/* Where to go from the one that is open as fd, of n that are listed. n: to `current`. -1: nowhere. */
typedef ssize_t step(file const *f, size_t n, int fd, int current);

static ssize_t back(file const *f, size_t n, int fd, int current)
{
  size_t at = find(f, n, fd);

  if (fd < 0) return (ssize_t)(current < 0 ? n : n + 1) - 1;
  return at < n || is_one(fd, current) ? (ssize_t)at - 1 : -1;
}

/* One that is gone was older than all that are there. */
static ssize_t forth(file const *f, size_t n, int fd, int current)
{
  size_t at = find(f, n, fd);

  return is_one(fd, current) ? -1 : at < n ? (ssize_t)at + 1 : 0;
}

/* `current` was opened before the others are listed: none that came between the two is missed. */
static int turn(genalloc *files, int dir, int fd, int current, step *where)
{
  ssize_t at;
  size_t n;

  if (list(files, dir) < 0) return -1;
  n = genalloc_len(file, files);
  at = (*where)(genalloc_s(file, files), n, fd, current);
  if (at < 0 || ((size_t)at == n && current < 0)) return (errno = ENOENT, -1);
  return (size_t)at == n ? current : open_listed(dir, genalloc_s(file, files) + at);
}

static int go(genalloc *files, int dir, int fd, step *where)
{
  int next, e;

  do
  {
    int current = open_name(dir, "current");
    if (current < 0 && errno != ENOENT) return -1;
    next = turn(files, dir, fd, current, where);
    e = errno;
    if (current >= 0 && next != current) fd_close(current);
  } while (next < 0 && e == EAGAIN);
  errno = e;
  return next;
}

/* What comes before one that was seen stays the same, or goes. */
int logfiles_before(logfiles *seen, int dir, int fd)
{
  genalloc *files = &seen->list;
  size_t at = find(genalloc_s(file, files), genalloc_len(file, files), fd);

  if (at && at < genalloc_len(file, files))
  {
    int before = open_listed(dir, genalloc_s(file, files) + at - 1);
    if (before >= 0 || errno != EAGAIN) return before;
  }
  return go(files, dir, fd, &back);
}

/* Mostly there is nothing yet, which is soon found. */
int logfiles_next(int dir, int fd)
{
  genalloc files = GENALLOC_ZERO;
  int current = open_name(dir, "current");
  int next = is_one(current, fd) ? (errno = ENOENT, -1) : go(&files, dir, fd, &forth);
  int e = errno;

  if (current >= 0) fd_close(current);
  genalloc_free(file, &files);
  errno = e;
  return next;
}

void logfiles_free(logfiles *seen)
{
  genalloc_free(file, &seen->list);
}
