#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/direntry.h>
#include <skalibs/djbunix.h>
#include <skalibs/posixplz.h>
#include <skalibs/unix-transactional.h>

#include <ctl/servicedir.h>

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

static int link_one(char const *target, char const *path)
{
  char old[4096];
  ssize_t n = readlink(path, old, sizeof old);

  if (n >= 0 && (size_t)n == strlen(target) && !memcmp(old, target, (size_t)n)) return 0;
  return atomic_symlink(target, path, ".new") ? 0 : -1;
}

/* Drops links in dir to what source no longer has. */
static int drop_stale(stralloc *dir, stralloc *source)
{
  size_t dlen = dir->len - 1;
  size_t slen = source->len - 1;
  DIR *d = opendir(dir->s);
  direntry *e;
  int result = 0;

  if (!d) return -1;
  while (!result && (e = readdir(d)))
  {
    struct stat st;
    if (e->d_name[0] == '.') continue;
    if (enter(dir, dlen, e->d_name) < 0 || enter(source, slen, e->d_name) < 0)
      result = -1;
    else if (!lstat(dir->s, &st) && S_ISLNK(st.st_mode) && access(source->s, F_OK) < 0)
      unlink_void(dir->s);
  }
  dir_close(d);
  dir->len = dlen;
  source->len = slen;
  return result < 0 || !stralloc_0(dir) || !stralloc_0(source) ? -1 : 0;
}

/* dir gets a link to each entry of source; `log` is a folder of its own in both. */
static int link_all(stralloc *dir, stralloc *source)
{
  size_t dlen = dir->len - 1;
  size_t slen = source->len - 1;
  DIR *d = opendir(source->s);
  direntry *e;
  int result = 0;

  if (!d) return -1;
  while (!result && (e = readdir(d)))
  {
    if (e->d_name[0] == '.') continue;
    if (enter(dir, dlen, e->d_name) < 0 || enter(source, slen, e->d_name) < 0)
      result = -1;
    else if (!strcmp(e->d_name, "log"))
      result = (mkdir(dir->s, 0755) < 0 && errno != EEXIST) || link_all(dir, source) < 0 ? -1 : 0;
    else
      result = link_one(source->s, dir->s);
  }
  dir_close(d);
  dir->len = dlen;
  source->len = slen;
  if (!stralloc_0(dir) || !stralloc_0(source)) return -1;
  return result < 0 ? -1 : drop_stale(dir, source);
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
  int result = servicedir_path(&dir, b->run, name, "") < 0 ? -1 : rm_rf(dir.s);

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
