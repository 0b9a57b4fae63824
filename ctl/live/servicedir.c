#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/direntry.h>
#include <skalibs/djbunix.h>
#include <skalibs/posixplz.h>
#include <skalibs/unix-transactional.h>

#include <runlib/walk.h>

#include <ctl/live/servicedir.h>

int servicedir_path(stralloc *sa, char const *run, char const *name, char const *suffix)
{
  sa->len = 0;
  return service_append(sa, "%s/servicedirs/%s%s", run, name, suffix) < 0 || !stralloc_0(sa) ? -1 : 0;
}

/* Appends /name to the path in sa, keeps a NUL. Returns the old length by the caller's base. */
static int enter(stralloc *sa, size_t base, char const *name)
{
  sa->len = base;
  return stralloc_cats(sa, "/") && stralloc_cats(sa, name) && stralloc_0(sa) ? 0 : -1;
}

/* Calls one for each name in dir, or in source, with both paths leading to it. The first -1 ends it. */
typedef int visit(stralloc *dir, stralloc *source, char const *name);

static int each(stralloc *dir, stralloc *source, stralloc const *which, visit *one)
{
  size_t dlen = dir->len - 1;
  size_t slen = source->len - 1;
  DIR *d = opendir(which->s);
  direntry *e;
  int result = 0;

  if (!d) return -1;
  while (!result && (e = readdir(d)))
  {
    if (e->d_name[0] == '.') continue;
    result = enter(dir, dlen, e->d_name) < 0 || enter(source, slen, e->d_name) < 0
                 ? -1
                 : one(dir, source, e->d_name);
  }
  dir_close(d);
  dir->len = dlen;
  source->len = slen;
  return !stralloc_0(dir) || !stralloc_0(source) ? -1 : result;
}

/* Drops a link to what source no longer has. */
static int drop_stale(stralloc *dir, stralloc *source, char const *name)
{
  struct stat st;

  (void)name;
  if (!lstat(dir->s, &st) && S_ISLNK(st.st_mode) && access(source->s, F_OK) < 0) unlink_void(dir->s);
  return 0;
}

static int link_all(stralloc *dir, stralloc *source);

/* `log` is a directory of its own in both. */
static int link_one(stralloc *dir, stralloc *source, char const *name)
{
  char old[4096];
  ssize_t n;

  if (!strcmp(name, "log")) return mkdir(dir->s, 0755) < 0 && errno != EEXIST ? -1 : link_all(dir, source);
  n = readlink(dir->s, old, sizeof old);
  if (n >= 0 && (size_t)n == strlen(source->s) && !memcmp(old, source->s, (size_t)n)) return 0;
  return atomic_symlink(source->s, dir->s, ".new") ? 0 : -1;
}

/* dir gets a link to each entry of source, and loses the others. */
static int link_all(stralloc *dir, stralloc *source)
{
  return each(dir, source, source, &link_one) < 0 ? -1 : each(dir, source, dir, &drop_stale);
}

int servicedir_sync(bundle const *b, char const *name)
{
  stralloc dir = STRALLOC_ZERO;
  stralloc source = STRALLOC_ZERO;
  int result = -1;

  if (servicedir_path(&dir, b->run, name, "") < 0 ||
      service_append(&source, "%s/current/%s", b->state, name) < 0 || !stralloc_0(&source))
    goto end;
  if (mkdir(dir.s, 0755) < 0 && errno != EEXIST) goto end;
  result = link_all(&dir, &source);
end:
  stralloc_free(&dir);
  stralloc_free(&source);
  return result;
}

int servicedir_remove(bundle const *b, char const *name)
{
  stralloc dir = STRALLOC_ZERO;
  int result = servicedir_path(&dir, b->run, name, "") < 0 ? -1 : walk_remove(AT_FDCWD, dir.s);

  stralloc_free(&dir);
  return result;
}

int servicedir_hold(char const *dir, int down)
{
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (stralloc_cats(&sa, dir) && stralloc_cats(&sa, "/down") && stralloc_0(&sa))
  {
    int fd = down ? open_trunc(sa.s) : -1;
    result = down ? (fd < 0 ? -1 : 0) : (unlink(sa.s) < 0 && errno != ENOENT ? -1 : 0);
    if (fd >= 0) fd_close(fd);
  }
  stralloc_free(&sa);
  return result;
}
