#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/run.h>

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

/* The way to a service that is controlled by another user is open (0001): see control. */
static int is_right(grant const *g, char const *dir)
{
  stralloc sa = STRALLOC_ZERO;
  struct stat st;
  int right = 0;

  if (service_append(&sa, "%s/supervise", dir) >= 0 && stralloc_0(&sa) && !stat(sa.s, &st))
    right = g->gid[0] ? (st.st_mode & 07776) == 0710 && st.st_gid == g->group : (st.st_mode & 07776) == 0700;
  stralloc_free(&sa);
  return right;
}

static int add_dir(grant *g, char const *name, char const *suffix)
{
  stralloc dir = STRALLOC_ZERO;

  if (servicedir_path(&dir, g->bundle->run, name, suffix) >= 0 &&
      (is_right(g, dir.s) ? (stralloc_free(&dir), 1) : genalloc_append(char *, &g->dirs, &dir.s)))
    return 0;
  stralloc_free(&dir);
  return -1;
}

/* s6-log writes files that everybody may read, into a folder that only its group may enter. */
static int open_log(grant const *g, char const *name)
{
  stralloc dir = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&dir, "%s/%s", g->bundle->log, name) >= 0 && stralloc_0(&dir))
    result = chown(dir.s, (uid_t)-1, g->group);
  stralloc_free(&dir);
  return result;
}

/* Events stay the owner's group's unless they are given away: -E with our own. */
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
  argv[i++] = g->gid[0] ? g->gid : own;
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

static int control(bundle const *b, char const *name, uid_t uid)
{
  stralloc dir = STRALLOC_ZERO;
  stralloc pipe = STRALLOC_ZERO;
  struct stat st;
  mode_t open = uid == geteuid() ? 0 : 0001;
  int result = -1;

  if (servicedir_path(&dir, b->run, name, "/supervise") < 0 ||
      servicedir_path(&pipe, b->run, name, "/supervise/control") < 0 || stat(pipe.s, &st) < 0)
    goto end;
  if (st.st_uid != uid && lchown(pipe.s, uid, (gid_t)-1) < 0) goto end;
  if (stat(dir.s, &st) < 0) goto end;
  result = (st.st_mode & 0001) == open ? 0 : chmod(dir.s, (st.st_mode & 07776) | open);
end:
  stralloc_free(&dir);
  stralloc_free(&pipe);
  return result;
}

static int grant_control(bundle const *b, plan const *p)
{
  planned const *ps = plan_services(p);
  int result = 0;

  if (!b->root) return 0;
  for (size_t n = plan_count(p); n; n--, ps++)
    if (control(b, ps->sv.name, controller(p, ps->sv.name)) < 0)
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
        (g.gid[0] && open_log(&g, ps->sv.name) < 0))
      result = -1;
  if (!result && g.gid[0]) result = open_log(&g, "supervisor");
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
