#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/direntry.h>
#include <skalibs/djbunix.h>
#include <skalibs/sha256.h>
#include <skalibs/types.h>

#include <runlib/linkreplace.h>
#include <runlib/walk.h>

#include <ctl/plan/generation.h>
#include <ctl/plan/manifest.h>

/* --- names --------------------------------------------------------------------------------------- */

#define TEMPORARY ".new" /* being written */
#define DISCARDED ".old" /* being removed */

/* STATE/generations, or one of it. */
static int path_of(stralloc *sa, char const *state, char const *name)
{
  sa->len = 0;
  return stralloc_cats(sa, state) && stralloc_cats(sa, "/generations") &&
                 (!*name || stralloc_cats(sa, "/")) && stralloc_cats(sa, name) && stralloc_0(sa)
             ? 0
             : -1;
}

static int path_of_number(stralloc *sa, char const *state, unsigned int number)
{
  char name[UINT_FMT + 8];

  snprintf(name, sizeof name, "%04u", number);
  return path_of(sa, state, name);
}

int generation_current(char const *state, unsigned int *number)
{
  stralloc sa = STRALLOC_ZERO;
  char target[64];
  ssize_t n = -1;

  if (stralloc_cats(&sa, state) && stralloc_cats(&sa, "/current") && stralloc_0(&sa))
    n = readlink(sa.s, target, sizeof target - 1);
  stralloc_free(&sa);
  *number = 0;
  if (n < 0) return errno == ENOENT ? 0 : -1;
  target[n] = 0;
  return sscanf(target, "generations/%u", number) == 1 ? 0 : (errno = EINVAL, -1);
}

/* --- reading ------------------------------------------------------------------------------------- */

int generation_file(stralloc *bytes, char const *state, unsigned int number, char const *name)
{
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (path_of_number(&path, state, number) >= 0)
  {
    path.s[path.len - 1] = '/';
    if (stralloc_cats(&path, name) && stralloc_0(&path) && openslurpclose(bytes, path.s)) result = 0;
  }
  stralloc_free(&path);
  return result;
}

/* The entries take over what they need of the plan. */
static int take_entries(generation *g, plan *p)
{
  planned *ps = plan_services(p);

  for (size_t n = plan_count(p); n; n--, ps++)
  {
    entry e = {.name = ps->sv.name, .needs = ps->sv.needs};
    memcpy(e.content, ps->content, sizeof e.content);
    memcpy(e.data, ps->data, sizeof e.data);
    memcpy(e.log, ps->log, sizeof e.log);
    if (!genalloc_append(entry, &g->entries, &e)) return -1;
    ps->sv.name = 0;
    ps->sv.needs = (genalloc)GENALLOC_ZERO;
  }
  return 0;
}

int generation_load(generation *g, char const *state, unsigned int number)
{
  plan p = PLAN_ZERO;
  int result = -1;

  g->number = number;
  if (generation_file(&g->manifest, state, number, "manifest") >= 0 &&
      plan_read(&p, &g->set, g->manifest.s, g->manifest.len) >= 0)
    result = take_entries(g, &p);
  plan_free(&p);
  return result;
}

int generation_read(generation *g, char const *state)
{
  unsigned int number;

  if (generation_current(state, &number) < 0) return -1;
  g->number = number;
  return number ? generation_load(g, state, number) : 0;
}

int generation_verify(char const *state, unsigned int number, plan const *p, stralloc *wrong)
{
  planned const *ps = plan_services(p);
  stralloc bytes = STRALLOC_ZERO;
  int result = 0;

  for (size_t n = plan_count(p); n && !result; n--, ps++)
  {
    service_file const *f = genalloc_s(service_file, &ps->sv.files);
    for (size_t m = genalloc_len(service_file, &ps->sv.files); m && !result; m--, f++)
    {
      char digest[32], hash[PLAN_HASH + 1];
      SHA256Schedule ctx = SHA256_INIT();
      bytes.len = wrong->len = 0;
      if (service_append(wrong, "%s/%s", ps->sv.name, f->path) < 0 || !stralloc_0(wrong)) return -1;
      result = generation_file(&bytes, state, number, wrong->s);
      sha256_update(&ctx, bytes.s, bytes.len);
      sha256_final(&ctx, digest);
      plan_hex(hash, digest);
      if (!result && (f->bytes.len != PLAN_HASH || memcmp(hash, f->bytes.s, PLAN_HASH)))
        result = (errno = EILSEQ, -1);
    }
  }
  stralloc_free(&bytes);
  return result;
}

entry *generation_find(generation const *g, char const *name)
{
  entry *e = genalloc_s(entry, &g->entries);

  for (size_t n = genalloc_len(entry, &g->entries); n; n--, e++)
    if (!strcmp(e->name, name)) return e;
  return 0;
}

void generation_free(generation *g)
{
  entry *e = genalloc_s(entry, &g->entries);

  for (size_t n = genalloc_len(entry, &g->entries); n; n--, e++)
  {
    char **need = genalloc_s(char *, &e->needs);
    for (size_t i = genalloc_len(char *, &e->needs); i; i--) free(*need++);
    genalloc_free(char *, &e->needs);
    free(e->name);
  }
  genalloc_free(entry, &g->entries);
  stralloc_free(&g->manifest);
  stralloc_free(&g->set);
}

/* --- the list of them ---------------------------------------------------------------------------- */

static int by_number(void const *a, void const *b)
{
  unsigned int x = *(unsigned int const *)a;
  unsigned int y = *(unsigned int const *)b;
  return x < y ? -1 : x > y;
}

/* As generation_list; remove: removes what a crash left half-written. */
static int list(genalloc *numbers, char const *state, int remove)
{
  stralloc sa = STRALLOC_ZERO;
  direntry *d;
  DIR *dir;

  if (path_of(&sa, state, "") < 0) return -1;
  dir = opendir(sa.s);
  if (!dir)
  {
    stralloc_free(&sa);
    return errno == ENOENT ? 0 : -1;
  }
  while ((d = readdir(dir)))
  {
    unsigned int number;
    if (uint0_scan(d->d_name, &number))
      (void)genalloc_append(unsigned int, numbers, &number);
    else if (remove && (!strcmp(d->d_name, TEMPORARY) || !strcmp(d->d_name, DISCARDED)) &&
             path_of(&sa, state, d->d_name) >= 0)
      (void)walk_remove(AT_FDCWD, sa.s);
  }
  dir_close(dir);
  stralloc_free(&sa);
  if (genalloc_len(unsigned int, numbers))
    qsort(genalloc_s(unsigned int, numbers), genalloc_len(unsigned int, numbers), sizeof(unsigned int),
          &by_number);
  return 0;
}

int generation_list(genalloc *numbers, char const *state)
{
  return list(numbers, state, 0);
}

/* First out of sight, in one step: a generation is whole, or not there. */
int generation_discard(char const *state, unsigned int number)
{
  stralloc old = STRALLOC_ZERO;
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (path_of_number(&sa, state, number) >= 0 && path_of(&old, state, DISCARDED) >= 0 &&
      rename(sa.s, old.s) >= 0)
    result = walk_remove(AT_FDCWD, old.s);
  stralloc_free(&old);
  stralloc_free(&sa);
  return result;
}

int generation_prune(char const *state, unsigned int keep, unsigned int also)
{
  genalloc numbers = GENALLOC_ZERO;
  unsigned int current;
  int result = -1;

  if (generation_current(state, &current) < 0 || list(&numbers, state, 1) < 0) goto end;
  for (size_t i = 0; i + keep < genalloc_len(unsigned int, &numbers); i++)
  {
    unsigned int number = genalloc_s(unsigned int, &numbers)[i];
    if (number == current || number == also) continue;
    if (generation_discard(state, number) < 0) goto end;
  }
  result = 0;
end:
  genalloc_free(unsigned int, &numbers);
  return result;
}

/* --- writing ------------------------------------------------------------------------------------- */

/* Writes below the directory that sa names (sa ends in `/`, no NUL), making the directories on the way. */
static int put(stralloc *sa, char const *path, char const *bytes, size_t len, mode_t mode)
{
  size_t base = sa->len;
  int fd = -1;

  for (char const *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
  {
    sa->len = base;
    if (!stralloc_catb(sa, path, (size_t)(slash - path)) || !stralloc_0(sa)) return -1;
    if (mkdir(sa->s, 0755) < 0 && errno != EEXIST) return -1;
  }
  sa->len = base;
  if (!stralloc_cats(sa, path) || !stralloc_0(sa)) return -1;
  sa->len = base;
  fd = open3(sa->s, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return -1;
  if (fchmod(fd, mode) < 0 || allwrite(fd, bytes, len) < len) return (fd_close(fd), -1);
  fd_close(fd);
  return 0;
}

static int put_service(stralloc *sa, service const *sv)
{
  service_file const *f = genalloc_s(service_file, &sv->files);
  size_t base = sa->len;

  if (!stralloc_cats(sa, sv->name) || !stralloc_cats(sa, "/") || !stralloc_0(sa)) return -1;
  sa->len--;
  if (mkdir(sa->s, 0755) < 0) return -1;
  for (size_t n = genalloc_len(service_file, &sv->files); n; n--, f++)
    if (put(sa, f->path, f->bytes.s, f->bytes.len, f->mode) < 0) return -1;
  sa->len = base;
  return 0;
}

static int put_all(stralloc *sa, plan const *p, char const *conf, size_t len, stralloc const *about)
{
  planned const *ps = plan_services(p);
  stralloc manifest = STRALLOC_ZERO;
  size_t base = sa->len;
  int result = -1;

  if (mkdir(sa->s, 0755) < 0) return -1;
  sa->s[sa->len - 1] = '/';
  for (size_t n = plan_count(p); n; n--, ps++)
    if (put_service(sa, &ps->sv) < 0) goto end;
  if (put(sa, "mailctl.conf", conf, len, 0644) < 0 || plan_manifest(p, &manifest) < 0) goto end;
  if (about && put(sa, GENERATION_ABOUT, about->s, about->len, 0644) < 0) goto end;
  result = put(sa, "manifest", manifest.s, manifest.len, 0644);
end:
  sa->len = base;
  sa->s[base - 1] = 0;
  stralloc_free(&manifest);
  return result;
}

static int sync_all(char const *dir)
{
  int fd = open_read(dir);
  int result = fd < 0 ? -1 : syncfs(fd);

  if (fd >= 0) fd_close(fd);
  return result;
}

/* Makes the names in a directory durable. */
static int sync_directory(char const *dir)
{
  int fd = open_read(dir);
  int result = fd < 0 ? -1 : fsync(fd);

  if (fd >= 0) fd_close(fd);
  return result;
}

static int next_number(char const *state, unsigned int *number)
{
  genalloc numbers = GENALLOC_ZERO;
  int result = list(&numbers, state, 1);
  size_t n = genalloc_len(unsigned int, &numbers);

  *number = n ? genalloc_s(unsigned int, &numbers)[n - 1] + 1 : 1;
  genalloc_free(unsigned int, &numbers);
  return result;
}

int generation_write(char const *state, plan const *p, char const *conf, size_t len, stralloc const *about,
                     unsigned int *number)
{
  stralloc new = STRALLOC_ZERO;
  stralloc final = STRALLOC_ZERO;
  int result = -1;

  if (path_of(&new, state, "") < 0 || (mkdir(new.s, 0755) < 0 && errno != EEXIST)) goto end;
  if (next_number(state, number) < 0 || path_of(&new, state, TEMPORARY) < 0 ||
      path_of_number(&final, state, *number) < 0)
    goto end;
  if (put_all(&new, p, conf, len, about) < 0 || sync_all(new.s) < 0 || rename(new.s, final.s) < 0)
  {
    int e = errno;
    (void)walk_remove(AT_FDCWD, new.s);
    errno = e;
    goto end;
  }
  result = path_of(&new, state, "") < 0 ? -1 : sync_directory(new.s);
end:
  stralloc_free(&new);
  stralloc_free(&final);
  return result;
}

int generation_lay(char const *dir, plan const *p, char const *conf, size_t len)
{
  stralloc path = STRALLOC_ZERO;
  int result = stralloc_cats(&path, dir) && stralloc_0(&path) ? put_all(&path, p, conf, len, 0) : -1;

  stralloc_free(&path);
  return result;
}

/* By way of the name that a crash leaves nothing under: see list. */
int generation_note(char const *state, unsigned int number, char const *text)
{
  stralloc new = STRALLOC_ZERO;
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (path_of(&new, state, TEMPORARY) < 0 || path_of_number(&path, state, number) < 0) goto end;
  path.s[path.len - 1] = '/';
  if (!stralloc_cats(&path, GENERATION_HEALTH) || !stralloc_0(&path)) goto end;
  (void)walk_remove(AT_FDCWD, new.s);
  if (openwritenclose_unsafe(new.s, text, strlen(text))) result = rename(new.s, path.s);
end:
  stralloc_free(&new);
  stralloc_free(&path);
  return result;
}

int generation_switch(char const *state, unsigned int number)
{
  char target[UINT_FMT + 32];

  snprintf(target, sizeof target, "generations/%04u", number);
  return link_replace(state, "current", target) < 0 ? -1 : sync_directory(state);
}
