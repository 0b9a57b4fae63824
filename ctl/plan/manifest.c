#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/sha256.h>
#include <skalibs/types.h>

#include <ctl/plan/manifest.h>

static char const first[] = "mailctl generation 2";
static char const old_first[] = "mailctl generation 1"; /* ends anywhere; `folder` for `directory` */

/* --- writing ------------------------------------------------------------------------------------- */

static int add_words(stralloc *sa, char const *kind, genalloc const *words)
{
  char **word = genalloc_s(char *, words);

  for (size_t n = genalloc_len(char *, words); n; n--)
    if (service_append(sa, "%s %s\n", kind, *word++) < 0) return -1;
  return 0;
}

static int add_service(stralloc *sa, planned const *ps)
{
  service_file const *f = genalloc_s(service_file, &ps->sv.files);
  service_directory const *d = genalloc_s(service_directory, &ps->sv.directories);
  char digest[32];
  char hash[PLAN_HASH + 1];

  if (service_append(sa, "service %s %s %s %s %s\n", ps->sv.name, ps->content, ps->data, ps->log,
                     ps->sv.user && *ps->sv.user ? ps->sv.user : "-") < 0 ||
      add_words(sa, "need", &ps->sv.needs) < 0 || add_words(sa, "control", &ps->sv.controls) < 0)
    return -1;
  for (size_t n = genalloc_len(service_directory, &ps->sv.directories); n; n--, d++)
    if (service_append(sa, "%s %04o %s %s\n", d->shared ? "shared" : "directory", (unsigned int)d->mode,
                       *d->user ? d->user : "-", d->path) < 0)
      return -1;
  for (size_t n = genalloc_len(service_file, &ps->sv.files); n; n--, f++)
  {
    SHA256Schedule ctx = SHA256_INIT();
    sha256_update(&ctx, f->bytes.s, f->bytes.len);
    sha256_final(&ctx, digest);
    plan_hex(hash, digest);
    if (service_append(sa, "file %04o %s %s\n", (unsigned int)f->mode, hash, f->path) < 0) return -1;
  }
  return add_words(sa, "program", &ps->sv.programs);
}

int plan_manifest(plan const *p, stralloc *sa)
{
  planned const *ps = plan_services(p);
  char const *bin = p->bundle->bin;
  size_t lines = 0, prefix = (size_t)(strrchr(bin, '/') - bin);

  if (service_append(sa, "%s\nset %.*s\n", first, prefix ? (int)prefix : 1, bin) < 0) return -1;
  for (size_t n = plan_count(p); n; n--, ps++)
    if (add_service(sa, ps) < 0) return -1;
  for (size_t i = 0; i < sa->len; i++) lines += sa->s[i] == '\n';
  return service_append(sa, "end %zu\n", lines);
}

/* --- reading ------------------------------------------------------------------------------------- */

/* Cuts line at its blanks into n words, of which the last takes what is left. Returns -1 where one is missing or empty. */
static int cut(char *line, char **words, unsigned int n)
{
  for (unsigned int i = 0; i < n; i++)
  {
    words[i] = line;
    line += i + 1 < n ? strcspn(line, " ") : strlen(line);
    if (line == words[i] || (i + 1 < n && !*line)) return -1;
    if (*line) *line++ = 0;
  }
  return 0;
}

static int take_hash(char to[PLAN_HASH + 1], char const *from)
{
  size_t n = strlen(from);

  if (n > PLAN_HASH) return -1;
  memcpy(to, from, n + 1);
  return 0;
}

static int take_service(plan *p, char *line, int has_user)
{
  planned one = {.kind = 0};
  char *w[5];

  if (cut(line, w, has_user ? 5 : 4) < 0 || take_hash(one.content, w[1]) < 0 ||
      take_hash(one.data, w[2]) < 0 || take_hash(one.log, w[3]) < 0 || strchr(w[3], ' '))
    return (errno = EINVAL, -1);
  one.sv.bundle = p->bundle;
  one.sv.user = has_user && strcmp(w[4], "-") ? w[4] : 0;
  one.sv.name = strdup(w[0]);
  if (one.sv.name && genalloc_append(planned, &p->services, &one)) return 0;
  free(one.sv.name);
  return -1;
}

/* What follows `MODE WORD PATH`: a file's hash is its only content here. */
static int take_place(service *sv, char const *kind, char *rest)
{
  unsigned int mode;
  char *w[3];

  if (cut(rest, w, 3) < 0 || uint_oscan(w[0], &mode) != strlen(w[0])) return (errno = EINVAL, -1);
  if (!strcmp(kind, "file")) return service_add_file(sv, w[2], w[1], strlen(w[1]), mode);
  if (!strcmp(kind, "shared")) return service_add_shared_directory(sv, w[2], mode);
  return service_add_directory(sv, w[2], mode, strcmp(w[1], "-") ? w[1] : "");
}

static int take_line(plan *p, stralloc *set, char *line, int has_user)
{
  service *sv = plan_count(p) ? &plan_services(p)[plan_count(p) - 1].sv : 0;
  char *w[2];

  if (cut(line, w, 2) < 0) return (errno = EINVAL, -1);
  if (!strcmp(w[0], "set")) return set && (!stralloc_copys(set, w[1]) || !stralloc_0(set)) ? -1 : 0;
  if (!strcmp(w[0], "service")) return take_service(p, w[1], has_user);
  if (!sv) return (errno = EINVAL, -1);
  if (!strcmp(w[0], "need")) return service_add_need(sv, w[1]);
  if (!strcmp(w[0], "control")) return service_add_control(sv, w[1]);
  if (!strcmp(w[0], "program")) return service_add_program(sv, w[1]);
  return take_place(sv, w[0], w[1]);
}

int plan_read(plan *p, stralloc *set, char const *manifest, size_t len)
{
  size_t lines = 0, end;
  char *s, *next;
  int is_old = 0;

  if (set) set->len = 0;
  if (!len || manifest[len - 1] != '\n' || memchr(manifest, 0, len)) return (errno = EINVAL, -1);
  if (!stralloc_copyb(&p->text, manifest, len) || !stralloc_0(&p->text)) return -1;
  for (s = p->text.s; *s; s = next, lines++)
  {
    next = strchr(s, '\n') + 1;
    next[-1] = 0;
    if (!lines)
    {
      is_old = !strcmp(s, old_first);
      if (!is_old && strcmp(s, first)) return (errno = EINVAL, -1);
      continue;
    }
    if (!strncmp(s, "end ", 4) && !is_old)
      return !*next && size0_scan(s + 4, &end) && end == lines ? 0 : (errno = EINVAL, -1);
    if (take_line(p, set, s, !is_old) < 0) return -1;
  }
  return is_old ? 0 : (errno = EINVAL, -1);
}
