#include <errno.h>
#include <pwd.h>
#include <string.h>

#include <skalibs/allreadwrite.h>

#include <runlib/run.h>

#include <services/contract/bundle.h>
#include <services/contract/kinds.h>

#include <ctl/command/sysusers.h>
#include <ctl/say.h>

#define SYSUSERS_TIME 60000 /* ms: another program may hold the lock of /etc/passwd */

/* The next of the names, [bundle]'s first; 0: the end. */
static char const *sysusers_next(kinds_walk *w)
{
  service_kind const *k;

  if (!w->begun) return w->begun = 1, BUNDLE_USER;
  while ((k = kinds_next(w)))
    if (k->user) return k->user;
  return 0;
}

int sysusers_missing(stralloc *names)
{
  kinds_walk w = KINDS_WALK_ZERO;
  char const *name;

  while ((name = sysusers_next(&w)))
    if (!getpwnam(name) && service_append(names, "%s%s", names->len ? " " : "", name) < 0) return -1;
  return 0;
}

/* 0, or -1 and errno (ENOENT: the program is not there), or EPERM when it has said why not. */
static int sysusers_run(char const *const *argv)
{
  stralloc said = STRALLOC_ZERO;
  int status = run_wait(argv, 0, 0, &said, SYSUSERS_TIME);

  if (status > 0)
  {
    allwrite(2, said.s, said.len);
    status = (errno = EPERM, -1);
  }
  stralloc_free(&said);
  return status;
}

static int sysusers_make_one(char const *name)
{
  char line[64] = "u ";
  char const *const sysusers[] = {"systemd-sysusers", "--inline", line, 0};
  char const *const useradd[] = {
      "useradd",          "--system", "--user-group",      "--home-dir", "/nonexistent",
      "--no-create-home", "--shell",  "/usr/sbin/nologin", name,         0};
  int result;

  strncat(line, name, sizeof line - 5);
  strcat(line, " -");
  result = sysusers_run(sysusers);
  return result < 0 && errno == ENOENT ? sysusers_run(useradd) : result;
}

int sysusers_make(void)
{
  kinds_walk w = KINDS_WALK_ZERO;
  char const *name;

  while ((name = sysusers_next(&w)))
    if (!getpwnam(name) && sysusers_make_one(name) < 0)
    {
      say_cannot("make the system user ", name);
      return -1;
    }
  return 0;
}
