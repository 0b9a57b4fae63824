#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <skalibs/types.h>

#include <runlib/become.h>

static char const *find_user(become *b, char const *user, int grouped, struct passwd **pw)
{
  *pw = uid0_scan(user, &b->uid) ? getpwuid(b->uid) : getpwnam(user);
  if (*pw)
  {
    b->uid = (*pw)->pw_uid;
    b->gid = (*pw)->pw_gid;
    return 0;
  }
  if (!uid0_scan(user, &b->uid)) return "-u: no such user: ";
  return grouped ? 0 : "-u: the number has no user of this machine, so it needs a group (-g): ";
}

char const *become_find(become *b, char const *user, char const *group, char const **what)
{
  struct passwd *pw = 0;
  struct group *gr;
  char const *wrong;

  b->uid = geteuid();
  b->gid = getegid();
  b->needed = 0;
  if (!user && !group) return 0;
  *what = user;
  if (user && (wrong = find_user(b, user, group != 0, &pw))) return wrong;
  *what = group;
  if (group && !gid0_scan(group, &b->gid))
  {
    gr = getgrnam(group);
    if (!gr) return "-g: no such group: ";
    b->gid = gr->gr_gid;
  }
  b->n = BECOME_GROUPS;
  if (!pw)
    b->groups[0] = b->gid, b->n = 1;
  else if (getgrouplist(pw->pw_name, b->gid, b->groups, &b->n) < 0)
    return *what = user, "-u: more groups than 64: ";
  b->needed = !geteuid() || b->uid != geteuid() || b->gid != getegid();
  return 0;
}
