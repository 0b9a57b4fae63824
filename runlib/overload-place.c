#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/unix-transactional.h>

#include <runlib/overload.h>

#include "overload-place.h"

int place_path(char *s, char const *directory, char const *name)
{
  int n = snprintf(s, PLACE_PATH, "%s/%s", directory, name);

  if (n >= 0 && n < PLACE_PATH) return 0;
  return (errno = ENAMETOOLONG, -1);
}

static int write_new(char const *path, char const *bytes, size_t len)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  int saved;

  if (fd < 0) return -1;
  if (!fchmod(fd, 0644) && allwrite(fd, bytes, len) == len)
  {
    fd_close(fd);
    return 0;
  }
  saved = errno;
  fd_close(fd);
  unlink(path);
  return (errno = saved, -1);
}

int place_replace(char const *directory, char const *name, char const *bytes, size_t len)
{
  char path[PLACE_PATH];
  char fresh[PLACE_PATH];
  char temporary[64];

  snprintf(temporary, sizeof temporary, ".%.32s.%ld", name, (long)getpid());
  if (place_path(path, directory, name) < 0 || place_path(fresh, directory, temporary) < 0) return -1;
  unlink(fresh); /* of a process that had our pid, and was killed */
  if (write_new(fresh, bytes, len) < 0) return -1;
  if (!rename(fresh, path)) return 0;
  unlink(fresh);
  return -1;
}

int place_remove(char const *directory, char const *name)
{
  char path[PLACE_PATH];

  if (place_path(path, directory, name) < 0) return -1;
  return unlink(path) < 0 && errno != ENOENT ? -1 : 0;
}

static void forget_hand_made(char const *flag)
{
  overload o;

  if (overload_read(&o, flag, (uint64_t)time(0)) >= 0 && o.maker == OVERLOAD_HAND) unlink(flag);
}

int overload_leads(char const *link, char const *directory)
{
  char flag[PLACE_PATH];
  char to[PLACE_PATH];
  ssize_t n;

  if (place_path(flag, directory, "flag") < 0) return -1;
  n = readlink(link, to, sizeof to);
  if (n < 0) return errno == EINVAL ? 0 : -1;
  return (size_t)n == strlen(flag) && !memcmp(to, flag, (size_t)n);
}

int overload_link(char const *control, char const *run, int fix)
{
  char link[PLACE_PATH];
  char directory[PLACE_PATH];
  char flag[PLACE_PATH];
  struct stat st;
  int leads;

  if (place_path(link, control, "overloaded") < 0 || place_path(directory, run, "overload") < 0 ||
      place_path(flag, directory, "flag") < 0)
    return -1;
  leads = overload_leads(link, directory);
  if (leads > 0) return 0;
  if (leads < 0 && errno != ENOENT) return -1;
  if (!leads && !lstat(link, &st) && !S_ISLNK(st.st_mode)) return 1;
  if (!fix) return 2;
  if (!atomic_symlink(flag, link, "mailctl")) return -1;
  if (leads < 0) forget_hand_made(flag);
  return 0;
}
