#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <runlib/maildirsize.h>
#include <runlib/walk.h>

#include <services/spool/mailboxes.h>
#include <services/spool/maildir.h>

#define RETIRED_MAX 1000 /* Maildirs of one name that were retired */

/* The name that a retired Maildir has, beside the others: nobody's, since it begins with a dot. */
static int retired_path(char s[PATH_MAX], char const *path, unsigned int n)
{
  char const *slash = strrchr(path, '/');
  size_t len = slash ? (size_t)(slash + 1 - path) : 0;
  char number[UINT_FMT + 1] = ".";

  number[n ? uint_fmt(number + 1, n) + 1 : 0] = 0;
  if (snprintf(s, PATH_MAX, "%.*s.%s%s", (int)len, path, path + len, number) < PATH_MAX) return 0;
  errno = ENAMETOOLONG;
  return -1;
}

static int retire(char const *path)
{
  char to[PATH_MAX];

  for (unsigned int n = 0; n < RETIRED_MAX; n++)
  {
    if (retired_path(to, path, n) < 0) return -1;
    if (access(to, F_OK) < 0 && errno == ENOENT) return rename(path, to);
  }
  errno = EEXIST;
  return -1;
}

/* The last that was retired, if there is one and no other has its place. */
static int restore(char const *path)
{
  char last[PATH_MAX] = "", from[PATH_MAX];

  if (access(path, F_OK) == 0) return 0;
  for (unsigned int n = 0; n < RETIRED_MAX; n++)
  {
    if (retired_path(from, path, n) < 0) return -1;
    if (access(from, F_OK) < 0) break;
    strcpy(last, from);
  }
  return *last ? rename(last, path) : 0;
}

/* limit 0: none. */
static int set_limit(char const *path, uint64_t limit)
{
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  maildirsize z;
  int result = -1;

  if (fd < 0) return -1;
  if (maildirsize_count(fd, &z) == 0)
  {
    z.limit = limit;
    result = maildirsize_write(fd, &z);
  }
  close(fd);
  return result;
}

static int make_all(char const *const *argv)
{
  uint64_t limit = 0;
  int limited = argv[0] && !strcmp(argv[0], "-q");

  if (limited && (!argv[1] || !uint640_scan(argv[1], &limit))) return 100;
  for (argv += limited ? 2 : 0; *argv; argv++)
    if (restore(*argv) < 0 || maildir_make(*argv) < 0 || (limited && set_limit(*argv, limit) < 0))
      strerr_diefusys(111, "make ", *argv);
  return 0;
}

int mailboxes(char const *const *argv)
{
  char const *option = argv[0];

  umask(077);
  if (!strcmp(option, "--make")) return argv[1] ? make_all(argv + 1) : 100;
  if (strcmp(option, "--retire") && strcmp(option, "--purge")) return -1;
  if (!argv[1]) return 100;
  for (argv++; *argv; argv++)
    if (!strcmp(option, "--retire") ? retire(*argv) < 0 : walk_remove(AT_FDCWD, *argv) < 0)
      strerr_diefusys(111, "remove ", *argv);
  return 0;
}
