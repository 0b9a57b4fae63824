#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <services/spool/maildir.h>

/* new/ is what tells a Maildir (maildir_exists): last, so that a killed maildir_make leaves none by halves */
static char const *const parts[] = {"tmp", "cur", "new"};

static int make_directory(char const *path)
{
  return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

int maildir_make(char const *path)
{
  char part[PATH_MAX];

  if (make_directory(path) < 0) return -1;
  for (unsigned int i = 0; i < 3; i++)
  {
    if (snprintf(part, sizeof part, "%s/%s", path, parts[i]) >= (int)sizeof part)
    {
      errno = ENAMETOOLONG;
      return -1;
    }
    if (make_directory(part) < 0) return -1;
  }
  return 0;
}

int maildir_exists(int at, char const *name)
{
  char path[PATH_MAX];
  struct stat st;

  if (snprintf(path, sizeof path, "%s/new", name) >= (int)sizeof path) return 0;
  if (!fstatat(at, path, &st, 0)) return S_ISDIR(st.st_mode);
  return errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG ? 0 : -1;
}

int maildir_open(int at, char const *name)
{
  return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int path(char *s, char const *part, char const *name)
{
  if (snprintf(s, PATH_MAX, "%s/%s", part, name) < PATH_MAX) return 0;
  errno = ENAMETOOLONG;
  return -1;
}

static int in_cur(int fd, char const *name)
{
  size_t n = strlen(name);
  int found = 0;
  struct dirent *d;
  DIR *dir;
  int cur = openat(fd, "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (cur < 0) return errno == ENOENT ? 0 : -1;
  dir = fdopendir(cur);
  if (!dir)
  {
    close(cur);
    return -1;
  }
  errno = 0;
  while (!found && (d = readdir(dir)))
    found = !strncmp(d->d_name, name, n) && (!d->d_name[n] || d->d_name[n] == ':');
  if (!found && errno) found = -1;
  closedir(dir);
  return found;
}

int maildir_has(int fd, char const *name)
{
  char s[PATH_MAX];
  struct stat st;

  if (path(s, "new", name) < 0) return -1;
  if (!fstatat(fd, s, &st, AT_SYMLINK_NOFOLLOW)) return 1;
  return errno == ENOENT ? in_cur(fd, name) : -1;
}

int maildir_create(int fd, char const *name)
{
  char s[PATH_MAX];

  if (path(s, "tmp", name) < 0) return -1;
  return openat(fd, s, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
}

int maildir_commit(int fd, char const *name)
{
  char from[PATH_MAX], to[PATH_MAX];

  if (path(from, "tmp", name) < 0 || path(to, "new", name) < 0) return -1;
  return renameat(fd, from, fd, to);
}

int maildir_sync(int fd)
{
  int result, dir = openat(fd, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (dir < 0) return -1;
  result = fsync(dir);
  close(dir);
  return result;
}

void maildir_abort(int fd, char const *name)
{
  char s[PATH_MAX];
  int e = errno;

  if (!path(s, "tmp", name)) unlinkat(fd, s, 0);
  errno = e;
}

int maildir_host(stralloc *sa, char const *host)
{
  for (; *host; host++)
  {
    char const *s = *host == '/' ? "\\057" : *host == ':' ? "\\072" : 0;
    if (!(s ? stralloc_cats(sa, s) : stralloc_catb(sa, host, 1))) return -1;
  }
  return 0;
}
