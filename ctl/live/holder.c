#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ctl/live/holder.h>

static int holds(pid_t pid, holder_match *is_it, void const *data)
{
  char path[64];
  DIR *d;
  int found = 0;

  snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
  d = opendir(path);
  if (!d) return 0;
  for (struct dirent *e; !found && (e = readdir(d));)
  {
    char link[PATH_MAX];
    ssize_t r = readlinkat(dirfd(d), e->d_name, link, sizeof link - 1);
    if (r <= 0) continue;
    link[r] = 0;
    found = is_it(pid, link, data);
  }
  closedir(d);
  return found;
}

pid_t holder_find(holder_match *is_it, void const *data)
{
  DIR *d = opendir("/proc");
  pid_t holder = 0;

  if (!d) return 0;
  for (struct dirent *e; (e = readdir(d));)
  {
    pid_t pid = isdigit((unsigned char)e->d_name[0]) ? (pid_t)atol(e->d_name) : 0;
    if (pid && (!holder || pid < holder) && holds(pid, is_it, data)) holder = pid;
  }
  closedir(d);
  return holder;
}

static int is_file(pid_t pid, char const *link, void const *path)
{
  (void)pid;
  return !strcmp(link, path);
}

pid_t holder_of(char const *path)
{
  char *real = realpath(path, 0);
  pid_t holder = real ? holder_find(&is_file, real) : 0;

  free(real);
  return holder;
}
