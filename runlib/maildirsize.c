#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include <runlib/maildirsize.h>
#include <runlib/walk.h>

#define FILE_NAME "maildirsize"
#define NEW_NAME  "tmp/maildirsize"

/* --- the file ---------------------------------------------------------------------------------------- */

/* Each line of the rest is two numbers, which may be negative. */
static void add_lines(maildirsize *z, char const *s)
{
  int64_t bytes = 0, count = 0;

  while (s && *++s)
  {
    long long b, c;
    if (sscanf(s, "%lld %lld", &b, &c) != 2)
      z->old = 1;
    else
      bytes += b, count += c;
    s = strchr(s, '\n');
  }
  if (bytes < 0 || count < 0) z->old = 1;
  z->bytes = bytes < 0 ? 0 : (uint64_t)bytes;
  z->count = count < 0 ? 0 : (uint64_t)count;
}

int maildirsize_read(int maildir, maildirsize *z)
{
  static maildirsize const none = {.limit = 0};
  char s[MAILDIRSIZE_MAX + 1], *word = s;
  struct stat st;
  ssize_t r;
  /* What is read here is only counted: it may be whose it likes, and never holds us up. */
  int fd = openat(maildir, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

  *z = none;
  if (fd < 0) return errno == ENOENT ? 0 : -1;
  r = fstat(fd, &st) < 0 ? -1 : (ssize_t)allread(fd, s, sizeof s - 1);
  fd_close(fd);
  if (r < 0) return -1;
  s[r] = 0;
  z->written = st.st_mtim.tv_sec;
  z->old = st.st_size >= MAILDIRSIZE_MAX || memchr(s, 0, (size_t)r) != 0;
  while (*word >= '0' && *word <= '9')
  {
    uint64_t n;
    word += uint64_scan(word, &n);
    if (*word == 'S') z->limit = n;
    word += *word != 0;
    word += *word == ',';
  }
  add_lines(z, strchr(s, '\n'));
  return 1;
}

int maildirsize_write(int maildir, maildirsize const *z)
{
  char s[96];
  size_t n = (size_t)snprintf(s, sizeof s, "%lluS\n%llu %llu\n", (unsigned long long)z->limit,
                              (unsigned long long)z->bytes, (unsigned long long)z->count);
  int fd = openat(maildir, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  int written;

  if (fd < 0) return -1;
  written = allwrite(fd, s, n) == n;
  fd_close(fd);
  return written ? renameat(maildir, NEW_NAME, maildir, FILE_NAME) : -1;
}

int maildirsize_add(int maildir, uint64_t bytes)
{
  char s[64];
  size_t n = (size_t)snprintf(s, sizeof s, "%llu 1\n", (unsigned long long)bytes);
  int fd = walk_open(maildir, FILE_NAME, O_WRONLY | O_APPEND, 0);
  int written;

  if (fd < 0) return errno == ENOENT ? 0 : -1;
  written = allwrite(fd, s, n) == n;
  fd_close(fd);
  return written ? 0 : -1;
}

/* --- counting ---------------------------------------------------------------------------------------- */

/* A name tells its file's size as `,S=123`; else the file itself does. */
static uint64_t size_of(int dir, char const *name)
{
  char const *s = strstr(name, ",S=");
  struct stat st;
  uint64_t n;

  if (s && uint64_scan(s + 3, &n)) return n;
  return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

static int count_part(int at, char const *part, maildirsize *z)
{
  int fd = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir = fd < 0 ? 0 : fdopendir(fd);
  struct dirent *d;

  if (!dir) return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -1;
  while ((d = readdir(dir)))
    if (d->d_name[0] != '.')
    {
      z->bytes += size_of(fd, d->d_name);
      z->count++;
    }
  closedir(dir);
  return 0;
}

static int count_parts(int at, maildirsize *z)
{
  return count_part(at, "new", z) < 0 || count_part(at, "cur", z) < 0 ? -1 : 0;
}

static int count_below(int maildir, char const *name, maildirsize *z)
{
  int fd = openat(maildir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), result;

  if (fd < 0) return errno == ENOTDIR || errno == ELOOP || errno == ENOENT ? 0 : -1;
  result = count_parts(fd, z);
  fd_close(fd);
  return result;
}

int maildirsize_count(int maildir, maildirsize *z)
{
  int fd = openat(maildir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result;
  DIR *dir = fd < 0 ? 0 : fdopendir(fd);
  struct dirent *d;

  if (!dir) return -1;
  z->bytes = z->count = 0;
  result = count_parts(maildir, z);
  while (!result && (d = readdir(dir)))
    if (d->d_name[0] == '.' && d->d_name[1] && strcmp(d->d_name, ".."))
      result = count_below(maildir, d->d_name, z);
  closedir(dir);
  return result;
}
