#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/run.h>
#include <runlib/walk.h>

#include <ctl/live/access.h>
#include <ctl/live/servicedir.h>
#include <ctl/say.h>

#define ACCESS_TIME 60000 /* ms for s6-svperms */

typedef struct grant_s grant;
struct grant_s
{
  bundle const *bundle;
  char gid[16]; /* `:1234`, as s6-svperms takes it; empty: nobody */
  gid_t group;
  genalloc dirs; /* of char *: those that must change */
};

/*
 * Whether the service directory dir is open to whom it should be: supervise/ to the group, and event/, in which who
 * subscribes makes files, to nobody but us. The way to a service that is controlled by another user is open (0001):
 * see control.
 */
static int access_is_right(grant const *g, char const *dir)
{
  struct stat status, event;
  int fd = walk_directory(AT_FDCWD, dir);
  int right = fd >= 0 && !fstatat(fd, "supervise", &status, AT_SYMLINK_NOFOLLOW) &&
              !fstatat(fd, "event", &event, AT_SYMLINK_NOFOLLOW) && event.st_gid == getegid() &&
              !(event.st_mode & 0007);

  if (fd >= 0) fd_close(fd);
  if (!right || !g->gid[0]) return right && (status.st_mode & 07776) == 0700;
  return (status.st_mode & 07776) == 0710 && status.st_gid == g->group;
}

/*
 * s6's locks lie where the status group, and who controls a service, can reach them: opened, even to be read, one could
 * be held against the next s6-supervise or s6-log. 0, also if it is not there yet.
 */
static int access_shut_lock(char const *dir, char const *name)
{
  stralloc path = STRALLOC_ZERO;
  int fd = -1;
  int result = -1;

  if (service_append(&path, "%s/%s", dir, name) >= 0 && stralloc_0(&path))
    fd = walk_open(AT_FDCWD, path.s, O_RDONLY, 0);
  if (fd >= 0 || errno == ENOENT) result = fd < 0 ? 0 : fchmod(fd, 0600);
  if (fd >= 0) fd_close(fd);
  stralloc_free(&path);
  return result;
}

static int add_dir(grant *g, char const *name, char const *suffix)
{
  stralloc dir = STRALLOC_ZERO;

  if (servicedir_path(&dir, g->bundle->run, name, suffix) >= 0 &&
      access_shut_lock(dir.s, "supervise/lock") >= 0 &&
      servicedir_path(&dir, g->bundle->run, name, suffix) >= 0 &&
      (access_is_right(g, dir.s) ? (stralloc_free(&dir), 1) : genalloc_append(char *, &g->dirs, &dir.s)))
    return 0;
  stralloc_free(&dir);
  return -1;
}

/*
 * s6-log writes files that everybody may read, into a directory that only its group may enter: the status group, else
 * that of the directory's owner.
 */
static int access_open_log(grant const *g, char const *name)
{
  stralloc dir = STRALLOC_ZERO;
  struct passwd const *pw;
  struct stat st;
  int result = -1;
  int fd = -1;

  if (service_append(&dir, "%s/%s", g->bundle->log, name) >= 0 && stralloc_0(&dir))
    fd = walk_directory(AT_FDCWD, dir.s);
  if (fd >= 0 && !fstat(fd, &st))
  {
    gid_t group = g->gid[0] ? g->group : (pw = getpwuid(st.st_uid)) ? pw->pw_gid : st.st_gid;
    result = st.st_gid == group ? 0 : fchown(fd, (uid_t)-1, group);
    (void)access_shut_lock(dir.s, "lock"); /* what the logger's user puts in its place harms himself */
  }
  if (fd >= 0) fd_close(fd);
  stralloc_free(&dir);
  return result;
}

/*
 * Events are nobody's but ours, -E with our own group: to subscribe is to write in event/, and who may write there could
 * exchange what is in it. The status group looks again instead.
 */
static int change(grant const *g)
{
  size_t n = genalloc_len(char *, &g->dirs);
  char const **argv = n ? calloc(n + 7, sizeof *argv) : 0;
  char own[16];
  unsigned int i = 0;
  int result;

  if (!argv) return n ? -1 : 0;
  snprintf(own, sizeof own, ":%u", (unsigned int)getegid());
  argv[i++] = "s6-svperms";
  argv[i++] = g->gid[0] ? "-g" : "-u";
  if (g->gid[0]) argv[i++] = g->gid;
  argv[i++] = "-E";
  argv[i++] = own;
  memcpy(argv + i, genalloc_s(char *, &g->dirs), n * sizeof *argv);
  result = run_wait(argv, 0, 0, 0, ACCESS_TIME);
  if (result > 0) result = (errno = EPERM, -1);
  free(argv);
  return result;
}

static int find_group(grant *g)
{
  char const *name = section_text(g->bundle->self, "status-group");
  struct group const *gr;

  if (!name || !*name) return 0;
  gr = getgrnam(name);
  if (!gr) return (errno = EINVAL, -1);
  g->group = gr->gr_gid;
  snprintf(g->gid, sizeof g->gid, ":%u", (unsigned int)gr->gr_gid);
  return 0;
}

/* Whose user controls the service; its own owner otherwise. */
static uid_t controller(plan const *p, char const *name)
{
  planned const *ps = plan_services(p);

  for (size_t n = plan_count(p); n; n--, ps++)
  {
    char **word = genalloc_s(char *, &ps->sv.controls);
    struct passwd const *pw = ps->sv.user ? getpwnam(ps->sv.user) : 0;
    for (size_t m = pw ? genalloc_len(char *, &ps->sv.controls) : 0; m; m--)
      if (!strcmp(*word++, name)) return pw->pw_uid;
  }
  return geteuid();
}

static int access_control(bundle const *b, char const *name, uid_t uid)
{
  stralloc path = STRALLOC_ZERO;
  struct stat st;
  mode_t open = uid == geteuid() ? 0 : 0001;
  int result = -1;
  int fd = -1;

  if (servicedir_path(&path, b->run, name, "/supervise") == 0) fd = walk_directory(AT_FDCWD, path.s);
  if (fd >= 0 && !fstatat(fd, "control", &st, AT_SYMLINK_NOFOLLOW) &&
      (st.st_uid == uid || !fchownat(fd, "control", uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW)) && !fstat(fd, &st))
    result = (st.st_mode & 0001) == open ? 0 : fchmod(fd, (st.st_mode & 07776) | open);
  if (fd >= 0) fd_close(fd);
  stralloc_free(&path);
  return result;
}

static int grant_control(bundle const *b, plan const *p)
{
  planned const *ps = plan_services(p);
  int result = 0;

  if (!b->root) return 0;
  for (size_t n = plan_count(p); n; n--, ps++)
    if (access_control(b, ps->sv.name, controller(p, ps->sv.name)) < 0)
    {
      say_cannot("set who controls ", ps->sv.name);
      result = -1;
    }
  return result;
}

static int grant_status(bundle const *b, plan const *p)
{
  grant g = {.bundle = b, .gid = "", .dirs = GENALLOC_ZERO};
  planned const *ps = plan_services(p);
  int result = find_group(&g);

  for (size_t n = plan_count(p); n && !result; n--, ps++)
    if (add_dir(&g, ps->sv.name, "") < 0 || add_dir(&g, ps->sv.name, "/log") < 0 ||
        access_open_log(&g, ps->sv.name) < 0)
      result = -1;
  if (!result) result = access_open_log(&g, "supervisor");
  if (!result) result = change(&g);
  if (result < 0) say_cannot("let the status group see the services");
  for (size_t i = 0; i < genalloc_len(char *, &g.dirs); i++) free(genalloc_s(char *, &g.dirs)[i]);
  genalloc_free(char *, &g.dirs);
  return result;
}

int access_all(bundle const *b, plan const *p)
{
  int status = grant_status(b, p);
  return grant_control(b, p) < 0 ? -1 : status;
}
