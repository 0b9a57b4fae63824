#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ctl/reach.h>

int who_find(who *w, char const *name)
{
  struct passwd *pw;

  errno = 0;
  pw = getpwnam(name);
  if (!pw)
  {
    if (!errno || errno == ESRCH || errno == EBADF || errno == EPERM) errno = ENOENT;
    return -1;
  }
  w->uid = pw->pw_uid;
  w->gid = pw->pw_gid;
  w->count = REACH_GROUPS;
  if (getgrouplist(name, w->gid, w->groups, &w->count) < 0) w->count = REACH_GROUPS;
  return 0;
}

/* Becomes w, as far as files are concerned. What cannot be undone must not be begun: hence abort. */
static int become(who const *w)
{
  if (!w) return 0;
  if (setgroups((size_t)w->count, w->groups) < 0) return -1;
  if (setegid(w->gid) < 0 || seteuid(w->uid) < 0) abort();
  return 0;
}

static void become_root(gid_t const *groups, int count)
{
  if (seteuid(0) < 0 || setegid(getgid()) < 0 || setgroups((size_t)count, groups) < 0) abort();
}

/* The first folder on the way to path that lets nobody through, or path itself. */
static void find_culprit(char const *path, char *culprit)
{
  size_t n = 0;

  while (n < PATH_MAX - 1 && path[n])
  {
    n += 1 + strcspn(path + n + 1, "/");
    memcpy(culprit, path, n);
    culprit[n] = 0;
    if (path[n] && faccessat(AT_FDCWD, culprit, X_OK, AT_EACCESS) < 0 && errno == EACCES) return;
  }
}

int reach_try(who const *w, char const *path, int mode, char *culprit)
{
  gid_t groups[REACH_GROUPS];
  int count = w ? getgroups(REACH_GROUPS, groups) : 0;
  int e = 0;

  if (count < 0 || become(w) < 0) return errno;
  if (faccessat(AT_FDCWD, path, mode, AT_EACCESS) < 0) e = errno;
  if (e == EACCES)
  {
    char *real = realpath(path, 0); /* none where a folder on the way is shut */
    find_culprit(real ? real : path, culprit);
    free(real);
  }
  if (w) become_root(groups, count);
  return e;
}
