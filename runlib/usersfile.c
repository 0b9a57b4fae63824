#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <runlib/users.h>
#include <runlib/walk.h>

#define USERS_NEW   ".users.new"
#define USERS_TRIES 1000 /* as many may wait for each other */

static int read_fd(stralloc *text, int fd)
{
  struct stat st;
  ssize_t r;

  if (fstat(fd, &st) < 0) return -1;
  if (S_ISDIR(st.st_mode)) return (errno = EISDIR, -1);
  if (!stralloc_readyplus(text,
                          S_ISREG(st.st_mode) && st.st_size < USERS_FILEMAX ? (size_t)st.st_size + 1 : 4096))
    return -1;
  for (;;)
  {
    if (text->len > USERS_FILEMAX) return (errno = EFBIG, -1);
    if (text->len == text->a && !stralloc_readyplus(text, 65536)) return -1;
    r = fd_read(fd, text->s + text->len, text->a - text->len);
    if (r <= 0) return (int)r;
    text->len += (size_t)r;
  }
}

int users_read(stralloc *text, char const *file)
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
static int users_directory(char const *path, uid_t uid, gid_t gid)
{
  int made;
  int at = walk_make(path, 0700, &made);
  int fd = at < 0 || (made && fchownat(at, "", uid, gid, AT_EMPTY_PATH) < 0) ? -1 : walk_directory(at, ".");

  if (at >= 0) fd_close(at);
  return fd;
}

/*
 * Opens the file that is to become the new one, empty, and locks it: whoever may not change the users cannot open it. One
 * that is no longer there once it is locked has become the users; one that is not ours is removed.
 */
static int users_begin(int folder)
{
  for (unsigned int tries = 0; tries < USERS_TRIES; tries++)
  {
    struct stat st;
    struct stat now;
    int fd = walk_open(folder, USERS_NEW, O_WRONLY | O_CREAT, 0600);
    if (fd < 0)
    {
      if (errno != ELOOP && errno != EPERM && errno != EINVAL && errno != EISDIR) return -1;
      if (walk_remove(folder, USERS_NEW) < 0) return -1;
      continue;
    }
    while (flock(fd, LOCK_EX) < 0)
      if (errno != EINTR) return (fd_close(fd), -1);
    if (!fstat(fd, &st) && !fstatat(folder, USERS_NEW, &now, AT_SYMLINK_NOFOLLOW) && st.st_ino == now.st_ino)
    {
      if (ftruncate(fd, 0) == 0) return fd;
      return (fd_close(fd), -1);
    }
    fd_close(fd);
  }
  return (errno = EBUSY, -1);
}

/* The owner and mode of the file that is to be replaced, or of a new one. */
static struct stat heritage(int folder, char const *base, uid_t uid, gid_t gid)
{
  struct stat st = {.st_mtime = 0};

  if (fstatat(folder, base, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) return st;
  st.st_uid = uid;
  st.st_gid = gid;
  st.st_mode = 0600;
  return st;
}

/* A reader that tells a change by the second and the size, as Dovecot does, sees each. */
static int users_stamp(int fd, struct stat const *old)
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
  return users_stamp(fd, st) < 0 ? -1 : fsync(fd);
}

static int read_at(stralloc *text, int folder, char const *base)
{
  int fd = walk_open(folder, base, O_RDONLY, 0);
  int result;
  int e;

  if (fd < 0) return errno == ENOENT ? 0 : -1;
  result = read_fd(text, fd);
  e = errno;
  fd_close(fd);
  errno = e;
  return result;
}

static int update(int folder, char const *base, char const *name, char const *hash, uid_t uid, gid_t gid)
{
  stralloc old = STRALLOC_ZERO;
  stralloc new = STRALLOC_ZERO;
  int fd = users_begin(folder);
  struct stat st = heritage(folder, base, uid, gid);
  int result = -1;
  int e;

  if (fd >= 0 && read_at(&old, folder, base) == 0) result = users_edit(&new, old.s, old.len, name, hash);
  if (result >= 0 && (hash || result) &&
      (write_new(fd, &new, &st) < 0 || renameat(folder, USERS_NEW, folder, base) < 0 || fsync(folder) < 0))
    result = -1;
  e = errno;
  if (fd >= 0 && (result < 0 || !(hash || result))) (void)walk_remove(folder, USERS_NEW);
  if (fd >= 0) fd_close(fd);
  stralloc_free(&old);
  stralloc_free(&new);
  errno = e;
  return result;
}

int users_update(char const *file, char const *name, char const *hash, uid_t uid, gid_t gid)
{
  char const *slash = strrchr(file, '/');
  char *path = slash ? strndup(file, (size_t)(slash + 1 - file)) : strdup(".");
  int fd = path ? users_directory(path, uid, gid) : -1;
  int result = fd < 0 ? -1 : update(fd, slash ? slash + 1 : file, name, hash, uid, gid);
  int e = errno;

  if (fd >= 0) fd_close(fd);
  free(path);
  errno = e;
  return result;
}
