#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>

#include <runlib/walk.h>

#include <ctl/live/directory.h>
#include <ctl/say.h>

/* --- whose it is ----------------------------------------------------------------------------------- */

/* A file that has another name elsewhere may be anybody's: it stays as it is. */
static int give_file(int dir, char const *name, struct stat const *old, struct passwd const *pw)
{
  struct stat st;
  int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  int result = 0;

  if (fd < 0) return errno == ENOENT ? 0 : -1;
  if (fstat(fd, &st) < 0)
    result = -1;
  else if (S_ISREG(st.st_mode) && st.st_nlink == 1 && (st.st_uid == old->st_uid || st.st_gid == old->st_gid))
    result = fchownat(fd, "", st.st_uid == old->st_uid ? pw->pw_uid : (uid_t)-1,
                      st.st_gid == old->st_gid ? pw->pw_gid : (gid_t)-1, AT_EMPTY_PATH);
  fd_close(fd);
  return result;
}

static int give_files(int directory, struct stat const *old, struct passwd const *pw)
{
  int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *d = fd < 0 ? 0 : fdopendir(fd);
  int result = 0;

  if (!d)
  {
    if (fd >= 0) fd_close(fd);
    return -1;
  }
  for (struct dirent *e; !result && (e = readdir(d));)
    if (e->d_type == DT_REG || e->d_type == DT_UNKNOWN) result = give_file(fd, e->d_name, old, pw);
  closedir(d);
  return result;
}

/*
 * The directory last: an up that is killed in between is not done. Its group may be another, such as the status group
 * (access.c): whose it is, its owner tells.
 */
static int give(int directory, struct stat const *old, char const *user, int shared)
{
  struct passwd const *pw = getpwnam(user);

  if (!pw) return (errno = EINVAL, -1);
  if (old->st_uid == pw->pw_uid) return 0;
  if (!shared && give_files(directory, old, pw) < 0) return -1;
  return fchownat(directory, "", pw->pw_uid, pw->pw_gid, AT_EMPTY_PATH);
}

/* fchmod(2) does not take a descriptor that was opened with O_PATH. */
static int set_mode(int directory, mode_t mode)
{
  char path[64];

  snprintf(path, sizeof path, "/proc/self/fd/%d", directory);
  return chmod(path, mode);
}

/* user 0 or "": its owner stays. */
static int make(char const *path, mode_t mode, char const *user, int shared)
{
  struct stat st;
  int fd = walk_make(path, mode, 0);
  int result = -1;

  if (fd < 0) return -1;
  if (fstat(fd, &st) == 0 && (!user || !*user || geteuid() || give(fd, &st, user, shared) == 0))
    result = (st.st_mode & 07777) == mode ? 0 : set_mode(fd, mode);
  fd_close(fd);
  return result;
}

static void complain(char const *path, char const *whose, char const *name)
{
  if (errno == ELOOP)
    say("unable to make ", path, whose, name, ": a link on the way is not in root's hands alone");
  else
    say_cannot("make ", path, whose, name);
}

/* --- the directories and links of a bundle ------------------------------------------------------------- */

/* Whether it is there, and make would give it to another user. */
static int moves(char const *path, char const *user)
{
  struct passwd const *pw = user && *user && !geteuid() ? getpwnam(user) : 0;
  struct stat st;

  return pw && !stat(path, &st) && st.st_uid != pw->pw_uid;
}

int directory_moves(planned const *ps)
{
  service_directory const *f = genalloc_s(service_directory, &ps->sv.directories);

  for (size_t n = genalloc_len(service_directory, &ps->sv.directories); n; n--, f++)
    if (moves(f->path, f->user)) return 1;
  return 0;
}

static int make_service(planned const *ps)
{
  service_directory const *f = genalloc_s(service_directory, &ps->sv.directories);

  for (size_t n = genalloc_len(service_directory, &ps->sv.directories); n; n--, f++)
    if (make(f->path, f->mode, f->user, f->shared) < 0)
    {
      complain(f->path, " for ", ps->sv.name);
      return -1;
    }
  return 0;
}

int directory_make_all(plan const *p, int argc, char const *const *names)
{
  planned const *ps = plan_services(p);

  for (size_t n = plan_count(p); n; n--, ps++)
    if ((plan_chosen(p, ps->sv.name, argc, names) || !directory_moves(ps)) && make_service(ps) < 0) return -1;
  return 0;
}

int directory_make_bundle(bundle const *b)
{
  char const *const directories[] = {b->run, b->state};

  for (unsigned int i = 0; i < 2; i++)
    if (make(directories[i], 0755, 0, 0) < 0)
    {
      complain(directories[i], "", "");
      return -1;
    }
  return 0;
}

/* LOG/supervisor; just_look: 1 if make would give it to another user. -1 and errno. */
static int supervisor_log(bundle const *b, int just_look)
{
  char const *user = section_text(b->self, "user");
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/supervisor", b->log) == 0 && stralloc_0(&path))
    result = just_look ? moves(path.s, user) : make(path.s, 0750, user, 0);
  if (result < 0) complain(path.s ? path.s : b->log, "", "");
  stralloc_free(&path);
  return result;
}

int directory_log_moves(bundle const *b)
{
  return supervisor_log(b, 1) > 0;
}

int directory_make_log(bundle const *b)
{
  return supervisor_log(b, 0);
}
