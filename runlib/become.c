#include <grp.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <skalibs/types.h>

#include <runlib/become.h>

int become_environment(become *b)
{
  char const *uid = getenv("UID");
  char const *gid = getenv("GID");
  char const *list = getenv("GIDLIST");
  size_t n = 0;

  if (!uid || !gid || !uid0_scan(uid, &b->uid) || !gid0_scan(gid, &b->gid)) return -1;
  if (list && *list && !gid_scanlist(b->groups, BECOME_GROUPS, list, &n)) return -1;
  b->n = (int)n;
  b->needed = !geteuid() || b->uid != geteuid() || b->gid != getegid();
  return unsetenv("UID") | unsetenv("GID") | unsetenv("GIDLIST");
}

int become_them(become const *b)
{
  if (!b->needed) return 0;
  return setgroups((size_t)b->n, b->groups) < 0 || setgid(b->gid) < 0 || setuid(b->uid) < 0 ? -1 : 0;
}

int become_able(void)
{
  struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct d[2] = {{0}};

  if (geteuid()) return 0;
  d[0].effective = d[0].permitted = 1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_KILL;
  return (int)syscall(SYS_capset, &h, d);
}
