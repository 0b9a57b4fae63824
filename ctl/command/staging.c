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
#include <skalibs/stralloc.h>

#include <runlib/run.h>
#include <runlib/walk.h>

#include <ctl/command/staging.h>
#include <ctl/say.h>

#define STAGING_TIME 60000 /* ms for a program that init runs */

static int failed(char const *verb, char const *path)
{
  say_cannot(verb, " ", path);
  return -1;
}

static int exists(staging const *m, char const *name)
{
  struct stat st;
  return !fstatat(m->at, name, &st, AT_SYMLINK_NOFOLLOW);
}

/* Appends ", PATH" for each of the names that is taken; *last becomes the last name. */
static int find_taken(staging const *m, stralloc *found, char const **last)
{
  for (char const *const *name = m->names; *name; name++)
  {
    *last = *name;
    if (exists(m, *name) && (!stralloc_cats(found, ", ") || !stralloc_cats(found, m->directory) ||
                             !stralloc_cats(found, "/") || !stralloc_cats(found, *name)))
      return failed("remember", *name);
  }
  return stralloc_0(found) ? 0 : failed("remember", m->directory);
}

/* Whether any of the names is taken; says so. killed: a staging_end that was killed may have left some of them, not the last. */
static int refuse_taken(staging const *m, int killed)
{
  stralloc found = STRALLOC_ZERO;
  char const *last = "";
  int result = find_taken(m, &found, &last);

  if (!result && found.len > 1)
  {
    result = 1;
    if (exists(m, last))
      say("init: ", m->directory, "/", last, " is there already, and stays as it is: name another directory");
    else if (killed)
      say("init: an init that was killed has left ", m->work, found.s, ": remove these, and run init again");
    else
      say("init: what is there already stays as it is: ", found.s + 2, ": name another directory");
  }
  stralloc_free(&found);
  return result;
}

/* Opens the directory of the work, which only we can enter, and locks it. 0 and *made, 1 if another has it, or -1. */
static int lock_work(staging *m, int *made)
{
  struct stat st, now;

  *made = !mkdirat(m->at, STAGING_WORK, 0700);
  if (!*made && errno != EEXIST) return failed("make the directory", m->work);
  m->lock = walk_directory(m->at, STAGING_WORK);
  if (m->lock < 0 && errno != ENOENT) return failed("open the directory", m->work);
  if (m->lock >= 0 && !flock(m->lock, LOCK_EX | LOCK_NB) && !fstat(m->lock, &st) &&
      !fstatat(m->at, STAGING_WORK, &now, AT_SYMLINK_NOFOLLOW) && st.st_ino == now.st_ino)
    return 0;
  say("init: another init is at work in ", m->directory);
  return 1;
}

static int begin(staging *m)
{
  int made;
  int result = exists(m, STAGING_WORK) ? 0 : refuse_taken(m, 0);

  if (!result) result = lock_work(m, &made);
  if (result) return result;
  result = refuse_taken(m, !made);
  if (result && made) unlinkat(m->at, STAGING_WORK, AT_REMOVEDIR);
  if (result || made) return result;
  if (walk_remove(m->at, STAGING_WORK) < 0) return failed("remove", m->work); /* of one that was killed */
  fd_close(m->lock);
  return lock_work(m, &made);
}

/* Opens the directory, and makes it if it is missing. */
static int open_directory(staging *m)
{
  char const *name;
  int parent = walk_parent(AT_FDCWD, m->directory, &name);

  if (parent < 0) return failed("reach the directory of", m->directory);
  m->fresh = !mkdirat(parent, name, 0755);
  if (m->fresh || errno == EEXIST) m->at = walk_directory(parent, name);
  fd_close(parent);
  if (m->at < 0) return failed("make the directory", m->directory);
  return m->fresh && fchmod(m->at, 0755) < 0 ? failed("chmod", m->directory) : 0;
}

int staging_begin(staging *m)
{
  int result;

  m->at = m->back = -1;
  if (snprintf(m->work, PATH_MAX, "%s/" STAGING_WORK, m->directory) >= PATH_MAX)
    return (errno = ENAMETOOLONG, failed("make", m->directory));
  if (open_directory(m) < 0) return -1;
  result = begin(m);
  if (result && m->fresh) rmdir(m->directory);
  if (result) return result;
  m->back = open_read(".");
  return fchdir(m->lock) < 0 ? failed("enter", m->work) : 0;
}

int staging_directory(staging *m, char const *name, mode_t mode, who const *owner)
{
  (void)m;
  if (mkdir(name, mode) < 0) return failed("make the directory", name);
  if (chmod(name, mode) < 0) return failed("chmod", name);
  return owner && lchown(name, owner->uid, owner->gid) < 0 ? failed("chown", name) : 0;
}

int staging_file(staging *m, char const *name, char const *bytes, size_t len, mode_t mode)
{
  int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  int e;

  (void)m;
  if (fd < 0) return failed("make", name);
  e = allwrite(fd, bytes, len) < len || fchmod(fd, mode) < 0 || fsync(fd) < 0;
  if (e) failed("write", name);
  fd_close(fd);
  return e ? -1 : 0;
}

int staging_link(staging *m, char const *name, char const *target)
{
  (void)m;
  return symlink(target, name) < 0 ? failed("make the link", name) : 0;
}

int staging_mode(staging *m, char const *name, mode_t mode)
{
  (void)m;
  return chmod(name, mode) < 0 ? failed("chmod", name) : 0;
}

/* --- programs ------------------------------------------------------------------------------------ */

int staging_run(staging *m, char const *const *argv, char const *input)
{
  stralloc said = STRALLOC_ZERO;
  mode_t mask = umask(077);
  int status = run_wait(argv, input, input ? strlen(input) : 0, &said, STAGING_TIME);

  (void)m;
  umask(mask);
  if (status < 0 && errno == ENOENT)
    say("the program ", argv[0], " is not there (apt-get install ", argv[0], ")");
  else if (status)
  {
    if (status < 0) say_cannot("run ", argv[0]);
    allwrite(2, said.s, said.len);
    say("the program ", argv[0], " failed");
  }
  stralloc_free(&said);
  return status ? -1 : 0;
}

/* -------------------------------------------------------------------------------------------------- */

int staging_end(staging *m)
{
  for (char const *const *name = m->names; *name; name++)
  {
    if (renameat(m->lock, *name, m->at, *name) < 0) return failed("make", *name);
    m->moved++;
  }
  if (m->back >= 0 && fchdir(m->back) < 0 && chdir("/") < 0) return failed("leave", m->work);
  return unlinkat(m->at, STAGING_WORK, AT_REMOVEDIR) < 0 ? failed("remove", m->work) : 0;
}

/* Directories go with all that programs have left in them: nobody but us knew them. */
static void forget(int at, char const *path)
{
  if (walk_remove(at, path) < 0) failed("remove", path);
}

void staging_undo(staging *m)
{
  for (unsigned int i = 0; i < m->moved; i++) forget(m->at, m->names[i]);
  if (m->at >= 0) forget(m->at, STAGING_WORK);
  if (m->fresh) forget(AT_FDCWD, m->directory);
}
