#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/stralloc.h>

#include <ctl/folder.h>
#include <ctl/say.h>

static int make_parents(char const *path)
{
  stralloc sa = STRALLOC_ZERO;
  int result = 0;

  for (char const *slash = strchr(path + 1, '/'); slash && !result; slash = strchr(slash + 1, '/'))
  {
    sa.len = 0;
    if (!stralloc_catb(&sa, path, (size_t)(slash - path)) || !stralloc_0(&sa))
      result = -1;
    else if (mkdir(sa.s, 0755) < 0 && errno != EEXIST)
      result = -1;
  }
  stralloc_free(&sa);
  return result;
}

int folder_make(char const *path, mode_t mode, char const *user)
{
  struct stat st;

  if (mkdir(path, mode) < 0 && errno == ENOENT && (make_parents(path) < 0 || mkdir(path, mode) < 0))
    return -1;
  if (stat(path, &st) < 0) return -1;
  if (!S_ISDIR(st.st_mode)) return (errno = ENOTDIR, -1);
  if (user && *user && !geteuid())
  {
    struct passwd const *pw = getpwnam(user);
    if (!pw) return (errno = EINVAL, -1);
    if ((st.st_uid != pw->pw_uid || st.st_gid != pw->pw_gid) && chown(path, pw->pw_uid, pw->pw_gid) < 0)
      return -1;
  }
  return (st.st_mode & 07777) == mode ? 0 : chmod(path, mode);
}

int folder_link(char const *folder, char const *name, char const *target)
{
  stralloc path = STRALLOC_ZERO;
  stralloc first = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/%s", folder, name) == 0 && stralloc_0(&path) &&
      service_append(&first, "%s/.%s.new", folder, name) == 0 && stralloc_0(&first) &&
      (!unlink(first.s) || errno == ENOENT) && !symlink(target, first.s))
    result = rename(first.s, path.s);
  stralloc_free(&path);
  stralloc_free(&first);
  return result;
}

int folder_make_all(plan const *p)
{
  planned const *ps = plan_services(p);

  for (size_t n = plan_count(p); n; n--, ps++)
  {
    service_folder const *f = genalloc_s(service_folder, &ps->sv.folders);
    for (size_t i = genalloc_len(service_folder, &ps->sv.folders); i; i--, f++)
      if (folder_make(f->path, f->mode, f->user) < 0)
      {
        say_cannot("make ", f->path, " for ", ps->sv.name);
        return -1;
      }
  }
  return 0;
}

int folder_make_bundle(bundle const *b)
{
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&sa, "%s/supervisor", b->log) < 0 || !stralloc_0(&sa)) return -1;
  if (folder_make(b->run, 0755, "") < 0)
    say_cannot("make ", b->run);
  else if (folder_make(b->state, 0755, "") < 0)
    say_cannot("make ", b->state);
  else if (folder_make(sa.s, 0750, section_text(b->self, "user")) < 0)
    say_cannot("make ", sa.s);
  else
    result = 0;
  stralloc_free(&sa);
  return result;
}
