#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <runlib/linefile.h>
#include <runlib/walk.h>

#define LINEFILE_TRIES 1000 /* as many may wait for each other */

static int read_fd(stralloc *text, int fd)
{
  struct stat st;
  ssize_t r;

  if (fstat(fd, &st) < 0) return -1;
  if (S_ISDIR(st.st_mode)) return (errno = EISDIR, -1);
  if (!stralloc_readyplus(text,
                          S_ISREG(st.st_mode) && st.st_size < LINEFILE_MAX ? (size_t)st.st_size + 1 : 4096))
    return -1;
  for (;;)
  {
    if (text->len > LINEFILE_MAX) return (errno = EFBIG, -1);
    if (text->len == text->a && !stralloc_readyplus(text, 65536)) return -1;
    r = fd_read(fd, text->s + text->len, text->a - text->len);
    if (r <= 0) return (int)r;
    text->len += (size_t)r;
  }
}

int linefile_read(stralloc *text, char const *file)
{
  int fd = walk_open(AT_FDCWD, file, O_RDONLY, 0);
  int result;
  int e;

  if (fd < 0) return -1;
  result = read_fd(text, fd);
  e = errno;
  fd_close(fd);
  errno = e;
  return result;
}

/* Opens the directory, made if it is missing. */
static int linefile_directory(char const *path, uid_t uid, gid_t gid)
{
  int made;
  int at = walk_make(path, 0700, &made);
  int fd = at < 0 || (made && fchownat(at, "", uid, gid, AT_EMPTY_PATH) < 0) ? -1 : walk_directory(at, ".");

  if (at >= 0) fd_close(at);
  return fd;
}

/*
 * Opens the file that is to become the new one, empty, and locks it: whoever may not change the file cannot open it. One
 * that is no longer there once it is locked has become the file; one that is not ours is removed.
 */
static int linefile_begin(int directory, char const *new)
{
  for (unsigned int tries = 0; tries < LINEFILE_TRIES; tries++)
  {
    struct stat st;
    struct stat now;
    int fd = walk_open(directory, new, O_WRONLY | O_CREAT, 0600);
    if (fd < 0)
    {
      if (errno != ELOOP && errno != EPERM && errno != EINVAL && errno != EISDIR) return -1;
      if (walk_remove(directory, new) < 0) return -1;
      continue;
    }
    while (flock(fd, LOCK_EX) < 0)
      if (errno != EINTR) return (fd_close(fd), -1);
    if (!fstat(fd, &st) && !fstatat(directory, new, &now, AT_SYMLINK_NOFOLLOW) && st.st_ino == now.st_ino)
    {
      if (ftruncate(fd, 0) == 0) return fd;
      return (fd_close(fd), -1);
    }
    fd_close(fd);
  }
  return (errno = EBUSY, -1);
}

/* The owner and mode of the file that is to be replaced, or of a new one. */
static struct stat heritage(int directory, char const *base, linefile const *l)
{
  struct stat st = {.st_mtime = 0};

  if (fstatat(directory, base, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) return st;
  st.st_uid = l->uid;
  st.st_gid = l->gid;
  st.st_mode = l->mode;
  return st;
}

/* A reader that tells a change by the second and the size, as Dovecot does, sees each. */
static int linefile_stamp(int fd, struct stat const *old)
{
  struct timespec t[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = old->st_mtime + 1}};
  struct stat st;

  if (fstat(fd, &st) < 0) return -1;
  return st.st_mtime > old->st_mtime ? 0 : futimens(fd, t);
}

static int write_new(int fd, stralloc const *text, struct stat const *st)
{
  if (allwrite(fd, text->s, text->len) < text->len) return -1;
  if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 0777) < 0) return -1;
  return linefile_stamp(fd, st) < 0 ? -1 : fsync(fd);
}

static int read_at(stralloc *text, int directory, char const *base)
{
  int fd = walk_open(directory, base, O_RDONLY, 0);
  int result;
  int e;

  if (fd < 0) return errno == ENOENT ? 0 : -1;
  result = read_fd(text, fd);
  e = errno;
  fd_close(fd);
  errno = e;
  return result;
}

static int update(int directory, char const *base, linefile const *l)
{
  stralloc old = STRALLOC_ZERO;
  stralloc text = STRALLOC_ZERO;
  char new[NAME_MAX + 1];
  int result = -1;
  int fd, e;
  struct stat st;

  if (snprintf(new, sizeof new, ".%s.new", base) >= (int)sizeof new) return (errno = ENAMETOOLONG, -1);
  fd = linefile_begin(directory, new);
  st = heritage(directory, base, l);
  if (fd >= 0 && read_at(&old, directory, base) == 0) result = l->edit(&text, old.s, old.len, l->data);
  if (result > 0 && (write_new(fd, &text, &st) < 0 || renameat(directory, new, directory, base) < 0 ||
                     fsync(directory) < 0))
    result = -1;
  e = errno;
  if (fd >= 0 && result <= 0) (void)walk_remove(directory, new);
  if (fd >= 0) fd_close(fd);
  stralloc_free(&old);
  stralloc_free(&text);
  errno = e;
  return result;
}

int linefile_update(char const *file, linefile const *l)
{
  char const *slash = strrchr(file, '/');
  char *path = slash ? strndup(file, (size_t)(slash + 1 - file)) : strdup(".");
  int fd = path ? linefile_directory(path, l->uid, l->gid) : -1;
  int result = fd < 0 ? -1 : update(fd, slash ? slash + 1 : file, l);
  int e = errno;

  if (fd >= 0) fd_close(fd);
  free(path);
  errno = e;
  return result;
}
