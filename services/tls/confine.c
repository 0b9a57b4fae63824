#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

#include <runlib/confine.h>

#include "confine-internal.h"

/* The directory is gone before anything runs in it: nothing can ever be in it. */
static int empty_root(void)
{
  char path[] = "/tmp/tlsd-empty.XXXXXX";

  if (!mkdtemp(path)) return -1;
  if (chdir(path) < 0)
  {
    rmdir(path);
    return -1;
  }
  if (rmdir(path) < 0) return -1;
  return chroot(".");
}

int confine(uid_t uid, gid_t gid)
{
  if (geteuid() == 0 && uid)
  {
    if (empty_root() < 0 || setgroups(0, 0) < 0 || setgid(gid) < 0 || setuid(uid) < 0) return -1;
    if (setuid(0) == 0) return (errno = EPERM, -1);
  }
  return confine_self();
}
