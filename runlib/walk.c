#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <runlib/walk.h>

#define WALK_LINKS 32 /* as many as the kernel follows, or so */
#define WALK_DEPTH 64 /* of a tree that is removed */

static int walk_close(int fd, int result)
{
  int e = errno;

  if (fd >= 0) close(fd);
  errno = e;
  return result;
}

/* Whether somebody else may put entries into the directory that st is of. */
static int walk_foreign(struct stat const *st)
{
  if (geteuid()) return 0;
  return st->st_uid || (st->st_mode & S_IWOTH) || ((st->st_mode & S_IWGRP) && st->st_gid);
}

static int walk_may_follow(int dir, struct stat const *link)
{
  struct stat in;

  if (fstat(dir, &in) < 0) return 0;
  return !walk_foreign(&in) || (!in.st_uid && (in.st_mode & S_ISVTX) && !link->st_uid);
}

static int walk_down(int dir, char const *path, unsigned int *links);

/* Where the link that is open as fd, an entry of dir, leads to. Returns 0 with its text, or -1. */
static int walk_link(int dir, int fd, struct stat const *st, char target[PATH_MAX], unsigned int *links)
{
  ssize_t n;

  if (!*links || !walk_may_follow(dir, st)) return (errno = ELOOP, -1);
  --*links;
  n = readlinkat(fd, "", target, PATH_MAX - 1);
  if (n <= 0) return (errno = n < 0 ? errno : ENOENT, -1);
  target[n] = 0;
  return 0;
}

static int walk_step(int dir, char const *name, unsigned int *links)
{
  char target[PATH_MAX];
  struct stat st;
  int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0) return -1;
  if (fstat(fd, &st) < 0) return walk_close(fd, -1);
  if (S_ISDIR(st.st_mode)) return fd;
  if (!S_ISLNK(st.st_mode)) return (errno = ENOTDIR, walk_close(fd, -1));
  if (walk_link(dir, fd, &st, target, links) < 0) return walk_close(fd, -1);
  return walk_close(fd, walk_down(dir, target, links));
}

/* Walks all words of path but the last, which goes to *last. */
static int walk_to(int dir, char const *path, char const **last, unsigned int *links)
{
  int at = openat(*path == '/' ? AT_FDCWD : dir, *path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

  path += strspn(path, "/");
  for (; at >= 0; path += strspn(path, "/"))
  {
    char name[NAME_MAX + 1];
    size_t n = strcspn(path, "/");

    if (!path[n + strspn(path + n, "/")]) break;
    if (n > NAME_MAX) return (errno = ENAMETOOLONG, walk_close(at, -1));
    memcpy(name, path, n);
    name[n] = 0;
    at = walk_close(at, walk_step(at, name, links));
    path += n;
  }
  *last = path;
  return at;
}

/* The last word, without the slashes behind it. */
static int walk_name(char name[NAME_MAX + 1], char const *last)
{
  size_t n = strcspn(last, "/");

  if (n > NAME_MAX) return (errno = ENAMETOOLONG, -1);
  memcpy(name, n ? last : ".", n ? n : 1);
  name[n ? n : 1] = 0;
  return 0;
}

static int walk_down(int dir, char const *path, unsigned int *links)
{
  char name[NAME_MAX + 1];
  char const *last;
  int at = walk_to(dir, path, &last, links);

  if (at < 0) return -1;
  return walk_close(at, walk_name(name, last) < 0 ? -1 : walk_step(at, name, links));
}

int walk_enter(int dir, char const *name)
{
  unsigned int links = WALK_LINKS;

  return walk_step(dir, name, &links);
}

int walk_directory(int dir, char const *path)
{
  unsigned int links = WALK_LINKS;
  int at = walk_down(dir, path, &links);

  return at < 0 ? -1 : walk_close(at, openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

int walk_make(char const *path, mode_t mode, int *made)
{
  int at = open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (made) *made = 0;
  for (path += strspn(path, "/"); at >= 0 && *path; path += strspn(path, "/"))
  {
    char name[NAME_MAX + 1];
    int next;

    if (walk_name(name, path) < 0) return walk_close(at, -1);
    path += strcspn(path, "/");
    next = walk_enter(at, name);
    if (next < 0 && errno == ENOENT)
    {
      int last = !path[strspn(path, "/")];
      int done = mkdirat(at, name, last ? mode : 0755) == 0;
      if (!done && errno != EEXIST) return walk_close(at, -1);
      if (made) *made = done && last;
      next = walk_enter(at, name);
    }
    at = walk_close(at, next);
  }
  return at;
}

int walk_parent(int dir, char const *path, char const **last)
{
  unsigned int links = WALK_LINKS;

  return walk_to(dir, path, last, &links);
}

/* Whether the file that is open as fd, an entry of dir, is what it should be. 0, or -1 and errno. */
static int walk_look(int dir, int fd)
{
  struct stat in;
  struct stat st;

  if (fstat(fd, &st) < 0 || fstat(dir, &in) < 0) return -1;
  if (!S_ISREG(st.st_mode)) return (errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL, -1);
  if (!walk_foreign(&in) || (in.st_uid && st.st_uid == in.st_uid) || (!st.st_uid && st.st_nlink <= 1))
    return 0;
  return (errno = EPERM, -1);
}

static int walk_open_from(int dir, char const *path, int flags, mode_t mode, unsigned int *links)
{
  char target[PATH_MAX];
  char name[NAME_MAX + 1];
  char const *last;
  struct stat st;
  int at = walk_to(dir, path, &last, links);
  int fd, link;

  if (at < 0) return -1;
  if (walk_name(name, last) < 0) return walk_close(at, -1);
  fd = openat(at, name, (flags & ~O_TRUNC) | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
  if (fd >= 0)
  {
    if (walk_look(at, fd) < 0 || ((flags & O_TRUNC) && ftruncate(fd, 0) < 0)) fd = walk_close(fd, -1);
    return walk_close(at, fd);
  }
  if (errno != ELOOP) return walk_close(at, -1);
  link = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (link >= 0 && fstat(link, &st) == 0 && walk_link(at, link, &st, target, links) == 0)
    fd = walk_open_from(at, target, flags, mode, links);
  walk_close(link, 0);
  return walk_close(at, fd);
}

int walk_open(int dir, char const *path, int flags, mode_t mode)
{
  unsigned int links = WALK_LINKS;
  struct stat st;
  int fd;

  if (!geteuid()) return walk_open_from(dir, path, flags, mode, &links);
  fd = openat(dir, path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
  if (fd < 0) return -1;
  if (fstat(fd, &st) < 0) return walk_close(fd, -1);
  if (S_ISREG(st.st_mode)) return fd;
  errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
  return walk_close(fd, -1);
}

ssize_t walk_read(int dir, char const *path, char *s, size_t max)
{
  int fd = walk_open(dir, path, O_RDONLY, 0);
  size_t len = 0;
  ssize_t n = 0;

  if (fd < 0) return -1;
  while (len < max && ((n = read(fd, s + len, max - len)) > 0 || (n < 0 && errno == EINTR)))
    if (n > 0) len += (size_t)n;
  return (ssize_t)walk_close(fd, 0) + (n < 0 ? -1 : (ssize_t)len);
}

static int walk_remove_at(int dir, char const *name, unsigned int depth)
{
  DIR *d;
  int fd;
  int result = 0;

  if (unlinkat(dir, name, 0) == 0 || errno == ENOENT) return 0;
  if (errno != EISDIR && errno != EPERM) return -1;
  if (!depth) return (errno = ELOOP, -1);
  fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  d = fdopendir(fd);
  if (!d) return walk_close(fd, -1);
  for (struct dirent *e; !result && (e = readdir(d));)
    if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) result = walk_remove_at(fd, e->d_name, depth - 1);
  int e = errno;
  closedir(d);
  errno = e;
  return result < 0 ? -1 : unlinkat(dir, name, AT_REMOVEDIR);
}

int walk_remove(int dir, char const *path)
{
  char name[NAME_MAX + 1];
  char const *last;
  int at = walk_parent(dir, path, &last);

  if (at < 0) return errno == ENOENT ? 0 : -1;
  return walk_close(at, walk_name(name, last) < 0 ? -1 : walk_remove_at(at, name, WALK_DEPTH));
}
