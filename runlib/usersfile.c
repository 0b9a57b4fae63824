#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <runlib/users.h>

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
  int fd = open_readb(file);
  int result;
  int e;

  if (fd < 0) return -1;
  result = read_fd(text, fd);
  e = errno;
  fd_close(fd);
  errno = e;
  return result;
}

/* The folders above, for everybody to pass through. path is changed meanwhile. */
static int make_parents(char *path)
{
  for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/'))
  {
    *slash = 0;
    int result = mkdir(path, 0755);
    *slash = '/';
    if (result < 0 && errno != EEXIST) return -1;
  }
  return 0;
}

/* Opens the file's folder, made if it is missing, and locks it. */
static int open_folder(char *folder, uid_t uid, gid_t gid)
{
  int fd;

  if (mkdir(folder, 0700) == 0 || (errno == ENOENT && make_parents(folder) == 0 && mkdir(folder, 0700) == 0))
  {
    if (lchown(folder, uid, gid) < 0) return -1;
  }
  else if (errno != EEXIST)
    return -1;
  fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  while (flock(fd, LOCK_EX) < 0)
  {
    if (errno == EINTR) continue;
    fd_close(fd);
    return -1;
  }
  return fd;
}

/* The owner and mode of the file that is to be replaced, or of a new one. */
static struct stat heritage(int folder, char const *base, uid_t uid, gid_t gid)
{
  struct stat st;

  if (fstatat(folder, base, &st, 0) == 0) return st;
  st.st_uid = uid;
  st.st_gid = gid;
  st.st_mode = 0600;
  return st;
}

static int write_new(int fd, stralloc const *text, struct stat const *st)
{
  if (allwrite(fd, text->s, text->len) < text->len) return -1;
  if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 0777) < 0) return -1;
  return fsync(fd);
}

static int replace(int folder, char const *base, stralloc const *text, struct stat const *st)
{
  char const *temp = ".users.new"; /* we hold the lock: what lies there is a dead process's */
  int fd;
  int result;
  int e;

  if (unlinkat(folder, temp, 0) < 0 && errno != ENOENT) return -1;
  fd = openat(folder, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  result = write_new(fd, text, st);
  e = errno;
  fd_close(fd);
  if (result < 0 || renameat(folder, temp, folder, base) < 0)
  {
    if (result < 0) errno = e;
    e = errno;
    unlinkat(folder, temp, 0);
    errno = e;
    return -1;
  }
  return fsync(folder);
}

static int read_at(stralloc *text, int folder, char const *base)
{
  int fd = openat(folder, base, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
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
  struct stat st = heritage(folder, base, uid, gid);
  int result = -1;

  if (read_at(&old, folder, base) == 0) result = users_edit(&new, old.s, old.len, name, hash);
  if (result >= 0 && (hash || result) && replace(folder, base, &new, &st) < 0) result = -1;
  int e = errno;
  stralloc_free(&old);
  stralloc_free(&new);
  errno = e;
  return result;
}

int users_update(char const *file, char const *name, char const *hash, uid_t uid, gid_t gid)
{
  char *copies[2] = {strdup(file), strdup(file)};
  int result = -1;
  int fd;
  int e;

  if (copies[0] && copies[1] && (fd = open_folder(dirname(copies[0]), uid, gid)) >= 0)
  {
    result = update(fd, basename(copies[1]), name, hash, uid, gid);
    e = errno;
    fd_close(fd);
    errno = e;
  }
  e = errno;
  free(copies[0]);
  free(copies[1]);
  errno = e;
  return result;
}
