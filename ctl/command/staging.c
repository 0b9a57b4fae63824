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

#define MAKER_TIME 60000 /* ms for a program that init runs */

static int failed(char const *verb, char const *path)
{
  say_cannot(verb, " ", path);
  return -1;
}

/* Writes DIR/name into path (PATH_MAX bytes). */
static int join(char const *dir, char const *name, char *path)
{
  if (snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX) return 0;
  errno = ENAMETOOLONG;
  return failed("make", name);
}

static int place(maker const *m, char const *name, char *path)
{
  return join(m->work, name, path);
}

static int exists(char const *path)
{
  struct stat st;
  return !lstat(path, &st);
}

/* Appends ", PATH" for each of the names that is taken. path (PATH_MAX bytes) becomes that of the last name. */
static int find_taken(maker const *m, stralloc *found, char *path)
{
  for (char const *const *name = m->names; *name; name++)
  {
    if (join(m->folder, *name, path) < 0) return -1;
    if (exists(path) && (!stralloc_cats(found, ", ") || !stralloc_cats(found, path)))
      return failed("remember", path);
  }
  return stralloc_0(found) ? 0 : failed("remember", path);
}

/* Whether any of the names is taken; says so. killed: a maker_end that was killed may have left some of them, not the last. */
static int refuse_taken(maker const *m, int killed)
{
  stralloc found = STRALLOC_ZERO;
  char last[PATH_MAX];
  int result = find_taken(m, &found, last);

  if (!result && found.len > 1)
  {
    result = 1;
    if (exists(last))
      say("init: ", last, " is there already, and stays as it is: name another folder");
    else if (killed)
      say("init: an init that was killed has left ", m->work, found.s, ": remove these, and run init again");
    else
      say("init: what is there already stays as it is: ", found.s + 2, ": name another folder");
  }
  stralloc_free(&found);
  return result;
}

/* Opens the directory of the work, which only we can enter, and locks it. 0 and *made, 1 if another has it, or -1. */
static int lock_work(maker *m, int *made)
{
  struct stat st, now;

  *made = !mkdir(m->work, 0700);
  if (!*made && errno != EEXIST) return failed("make the folder", m->work);
  m->lock = walk_directory(AT_FDCWD, m->work);
  if (m->lock < 0 && errno != ENOENT) return failed("open the folder", m->work);
  if (m->lock >= 0 && !flock(m->lock, LOCK_EX | LOCK_NB) && !fstat(m->lock, &st) && !lstat(m->work, &now) &&
      st.st_ino == now.st_ino)
    return 0;
  say("init: another init is at work in ", m->folder);
  return 1;
}

static int begin(maker *m)
{
  int made;
  int result = exists(m->work) ? 0 : refuse_taken(m, 0);

  if (!result) result = lock_work(m, &made);
  if (result) return result;
  result = refuse_taken(m, !made);
  if (result && made) rmdir(m->work);
  if (result || made) return result;
  if (walk_remove(AT_FDCWD, m->work) < 0) return failed("remove", m->work); /* of one that was killed */
  fd_close(m->lock);
  return lock_work(m, &made);
}

int maker_begin(maker *m)
{
  int result;

  if (join(m->folder, MAKER_WORK, m->work) < 0) return -1;
  m->fresh = !mkdir(m->folder, 0755);
  if (!m->fresh && errno != EEXIST) return failed("make the folder", m->folder);
  if (m->fresh && chmod(m->folder, 0755) < 0) return failed("chmod", m->folder);
  result = begin(m);
  if (result && m->fresh) rmdir(m->folder);
  return result;
}

int maker_folder(maker *m, char const *name, mode_t mode, who const *owner)
{
  char path[PATH_MAX];

  if (place(m, name, path) < 0) return -1;
  if (mkdir(path, mode) < 0) return failed("make the folder", path);
  if (chmod(path, mode) < 0) return failed("chmod", path);
  return owner && lchown(path, owner->uid, owner->gid) < 0 ? failed("chown", path) : 0;
}

int maker_file(maker *m, char const *name, char const *bytes, size_t len, mode_t mode)
{
  char path[PATH_MAX];
  int fd;
  int e;

  if (place(m, name, path) < 0) return -1;
  fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return failed("make", path);
  e = allwrite(fd, bytes, len) < len || fchmod(fd, mode) < 0 || fsync(fd) < 0;
  if (e) failed("write", path);
  fd_close(fd);
  return e ? -1 : 0;
}

int maker_link(maker *m, char const *name, char const *target)
{
  char path[PATH_MAX];

  if (place(m, name, path) < 0) return -1;
  return symlink(target, path) < 0 ? failed("make the link", path) : 0;
}

int maker_mode(maker *m, char const *name, mode_t mode)
{
  char path[PATH_MAX];

  if (place(m, name, path) < 0) return -1;
  return chmod(path, mode) < 0 ? failed("chmod", path) : 0;
}

/* --- programs ------------------------------------------------------------------------------------ */

int maker_run(maker *m, char const *const *argv, char const *input)
{
  stralloc said = STRALLOC_ZERO;
  mode_t mask = umask(077);
  int status = run_wait(argv, input, input ? strlen(input) : 0, &said, MAKER_TIME);

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

int maker_end(maker *m)
{
  char from[PATH_MAX], to[PATH_MAX];

  for (char const *const *name = m->names; *name; name++)
  {
    if (place(m, *name, from) < 0 || join(m->folder, *name, to) < 0) return -1;
    if (rename(from, to) < 0) return failed("make", to);
    m->moved++;
  }
  return rmdir(m->work) < 0 ? failed("remove", m->work) : 0;
}

/* Folders go with all that programs have left in them: nobody but us knew them. */
static void forget(char const *path)
{
  if (walk_remove(AT_FDCWD, path) < 0) failed("remove", path);
}

void maker_undo(maker *m)
{
  char path[PATH_MAX];

  for (unsigned int i = 0; i < m->moved; i++)
    if (!join(m->folder, m->names[i], path)) forget(path);
  forget(m->work);
  if (m->fresh) forget(m->folder);
}
