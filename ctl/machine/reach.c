#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctl/machine/reach.h>

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

/* The first directory on the way to path that lets nobody through, or path itself. */
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

/* As w, asks whether path may be used; or, with culprit, who says no. 0, or an errno. */
static int ask(who const *w, char const *path, int mode, char *culprit)
{
  gid_t groups[REACH_GROUPS];
  int count = w ? getgroups(REACH_GROUPS, groups) : 0;
  int e = 0;

  if (count < 0 || become(w) < 0) return errno;
  if (culprit)
    find_culprit(path, culprit);
  else if (faccessat(AT_FDCWD, path, mode, AT_EACCESS) < 0)
    e = errno;
  if (w) become_root(groups, count);
  return e;
}

/* Without links, as far as path exists: to be freed. 0 where a directory on the way is shut to us. */
static char *resolve(char const *path)
{
  char *copy = strdup(path);
  char *real = copy ? realpath(copy, 0) : 0;

  while (copy && !real && errno == ENOENT && strrchr(copy, '/') > copy)
  {
    *strrchr(copy, '/') = 0;
    real = realpath(copy, 0);
  }
  free(copy);
  return real;
}

int reach_try(who const *w, char const *path, int mode, char *culprit)
{
  int e = ask(w, path, mode, 0);
  char *real;

  if (e != EACCES) return e;
  real = resolve(path);
  (void)ask(w, real ? real : path, mode, culprit);
  free(real);
  return e;
}

static int in_group(who const *w, gid_t gid)
{
  gid_t own[REACH_GROUPS];
  gid_t const *groups = w ? w->groups : own;
  int count = w ? w->count : getgroups(REACH_GROUPS, own);

  if (gid == (w ? w->gid : getegid())) return 1;
  while (count > 0)
    if (groups[--count] == gid) return 1;
  return 0;
}

void reach_mend(who const *w, char const *culprit, int mode, char *text)
{
  struct stat st;
  uid_t uid = w ? w->uid : geteuid();
  int known = !stat(culprit, &st);
  char const *bits = known && S_ISDIR(st.st_mode) ? "x"
                     : mode == (R_OK | X_OK)      ? "rx"
                     : mode & X_OK                ? "x"
                                                  : "r";
  char class = known && st.st_uid == uid ? 'u' : known && in_group(w, st.st_gid) ? 'g' : 'o';
  struct group const *gr = class == 'o' && w && known && !(st.st_mode & S_IRWXG) ? getgrgid(w->gid) : 0;
  int n = snprintf(text, REACH_MEND, "chmod %c+%s %s", class, bits, culprit);

  if (gr && n > 0 && n < REACH_MEND)
    snprintf(text + n, REACH_MEND - (size_t)n, " (or chgrp %s %s && chmod g+%s %s)", gr->gr_name, culprit,
             bits, culprit);
}
