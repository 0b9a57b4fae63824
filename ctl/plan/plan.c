#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/sha256.h>

#include <services/contract/kinds.h>

#include <ctl/plan/order.h>
#include <ctl/plan/plan.h>

/* --- the list of services ------------------------------------------------------------------------ */

static char const *name_of(service_kind const *k, section const *s)
{
  if (k->service) return k->service;
  return s && s->argument && s->argument[0] ? s->argument : k->section.name;
}

static char const *user_of(bundle const *b, section const *s)
{
  char const *user = s && key_find(s->kind, "user") ? section_text(s, "user") : 0;
  return user && *user ? user : section_text(b->self, "user");
}

static int add_service(plan *p, service_kind const *k, section const *s, report *r)
{
  planned one = {.kind = k};

  if (!genalloc_append(planned, &p->services, &one)) return -1;
  planned *ps = plan_services(p) + plan_count(p) - 1;
  ps->sv.bundle = p->bundle;
  ps->sv.section = s;
  ps->sv.user = user_of(p->bundle, s);
  ps->sv.name = strdup(name_of(k, s));
  return ps->sv.name ? k->make(&ps->sv, r) : -1;
}

static int add_kind(plan *p, service_kind const *k, report *r)
{
  section const *s = genalloc_s(section, p->bundle->sections);
  size_t n = genalloc_len(section, p->bundle->sections);
  int made = 0;

  if (!k->make || (k->present && !k->present(p->bundle))) return 0;
  if (!k->section.name) return add_service(p, k, 0, r);
  for (; n; n--, s++)
    if (s->kind == &k->section)
    {
      if (add_service(p, k, s, r) < 0) return -1;
      made = 1;
    }
  /* What the bundle has all the same (spool, qmail-send) makes do with its defaults. */
  return k->present && !made ? add_service(p, k, 0, r) : 0;
}

static int add_all(plan *p, report *r)
{
  kinds_walk w = KINDS_WALK_ZERO;
  service_kind const *k;

  while ((k = kinds_next(&w)))
    if (add_kind(p, k, r) < 0) return -1;
  return 0;
}

/* --- what every service has ---------------------------------------------------------------------- */

/*
 * A full pipe would make the service wait, and its clients: mail comes before its log. s6-log left the pipe
 * non-blocking.
 */
static char const logger_finish[] =
    "#!/bin/execlineb -S1\n# A logger that cannot begin must not hold up its service: what that says is lost "
    "meanwhile.\nif { test $1 -gt 0 -a $1 -lt 256 }\nredirfd -w 1 /dev/null\nfdblock 0\ntimeout 4 cat\n";

/* The logger keeps running while its service restarts: s6-svscan holds the pipe between the two. */
static int add_logger(service *sv)
{
  bundle const *b = sv->bundle;
  char const *user = section_text(b->self, "user");
  stralloc sa = STRALLOC_ZERO;
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/%s", b->log, sv->name) < 0 || !stralloc_0(&path)) goto end;
  if (service_add_directory(sv, path.s, 0750, user ? user : "") < 0) goto end;
  if (service_append(&sa, "#!/bin/execlineb -P\n# %s's logger: written by mailctl.\n", sv->name) < 0 ||
      service_record(sv, ".log", &sa) < 0 ||
      (b->root && user && service_append(&sa, "s6-setuidgid %s\n", user) < 0) ||
      service_append(&sa, "s6-log -d3 -- n%u s%u t ", (unsigned int)section_number(b->self, "log-files"),
                     (unsigned int)section_number(b->self, "log-size")) < 0 ||
      service_quote(&sa, path.s) < 0 || service_append(&sa, "\n") < 0)
    goto end;
  if (service_add_file(sv, "log/run", sa.s, sa.len, 0755) < 0 ||
      service_add_text(sv, "log/finish", 0755, "%s", logger_finish) < 0)
    goto end;
  result = service_add_text(sv, "log/notification-fd", 0644, "3\n");
end:
  stralloc_free(&sa);
  stralloc_free(&path);
  return result;
}

static int add_programs(service *sv)
{
  char **program = genalloc_s(char *, &sv->programs);
  stralloc sa = STRALLOC_ZERO;
  int result = 0;

  for (size_t n = genalloc_len(char *, &sv->programs); n && !result; n--)
    result = service_append(&sa, "%s\n", *program++);
  if (!result && sa.len) result = service_add_file(sv, "programs", sa.s, sa.len, 0644);
  stralloc_free(&sa);
  return result;
}

static int by_path(void const *a, void const *b)
{
  return strcmp(((service_file const *)a)->path, ((service_file const *)b)->path);
}

static int add_common(plan *p)
{
  planned *ps = plan_services(p);

  for (size_t n = plan_count(p); n; n--, ps++)
  {
    if (add_logger(&ps->sv) < 0 || service_add_finish(&ps->sv) < 0 || add_programs(&ps->sv) < 0) return -1;
    qsort(genalloc_s(service_file, &ps->sv.files), genalloc_len(service_file, &ps->sv.files),
          sizeof(service_file), &by_path);
  }
  return 0;
}

/* --- content hashes ------------------------------------------------------------------------------ */

void plan_hex(char s[PLAN_HASH + 1], char const *digest)
{
  for (unsigned int i = 0; i < PLAN_HASH / 2; i++) snprintf(s + 2 * i, 3, "%02x", (unsigned char)digest[i]);
}

static void hash_file(SHA256Schedule *ctx, service_file const *f)
{
  char mode[40];

  sha256_update(ctx, f->path, strlen(f->path) + 1);
  sha256_update(ctx, mode,
                (size_t)snprintf(mode, sizeof mode, "%o %zu", (unsigned int)f->mode, f->bytes.len) + 1);
  sha256_update(ctx, f->bytes.s, f->bytes.len);
}

static void hash_service(planned *ps)
{
  service_file const *f = genalloc_s(service_file, &ps->sv.files);
  SHA256Schedule content = SHA256_INIT();
  SHA256Schedule data = SHA256_INIT();
  SHA256Schedule log = SHA256_INIT();
  char digest[32];

  for (size_t n = genalloc_len(service_file, &ps->sv.files); n; n--, f++)
    hash_file(!strncmp(f->path, "log/", 4)                         ? &log
              : ps->kind->reloads && !strncmp(f->path, "data/", 5) ? &data
                                                                   : &content,
              f);
  sha256_final(&content, digest);
  plan_hex(ps->content, digest);
  sha256_final(&data, digest);
  plan_hex(ps->data, digest);
  sha256_final(&log, digest);
  plan_hex(ps->log, digest);
}

/* The record that a run script writes at its start names the content: the hash takes the mark's place. */
static int put_hash(service_file *f, char const *hash)
{
  static char const mark[] = "@CONTENT@";
  char *at;

  if (!stralloc_0(&f->bytes)) return -1;
  f->bytes.len--;
  at = strstr(f->bytes.s, mark);
  if (!at) return 0;
  at = memcpy(at, hash, sizeof mark - 1);
  return stralloc_insertb(&f->bytes, (size_t)(at - f->bytes.s) + sizeof mark - 1, hash + sizeof mark - 1,
                          PLAN_HASH - (sizeof mark - 1))
             ? 0
             : -1;
}

static int hash_all(plan *p)
{
  planned *ps = plan_services(p);

  for (size_t n = plan_count(p); n; n--, ps++)
  {
    service_file *f = genalloc_s(service_file, &ps->sv.files);
    hash_service(ps);
    for (size_t m = genalloc_len(service_file, &ps->sv.files); m; m--, f++)
    {
      if (!strcmp(f->path, "run") && put_hash(f, ps->content) < 0) return -1;
      if (!strcmp(f->path, "log/run") && put_hash(f, ps->log) < 0) return -1;
    }
  }
  return 0;
}

/* ------------------------------------------------------------------------------------------------- */

int plan_make(plan *p, bundle const *b, report *r)
{
  p->bundle = b;
  if (add_all(p, r) < 0 || add_common(p) < 0) return -1;
  if (order_services(&p->services, r) < 0) return -1;
  return hash_all(p);
}

planned *plan_find(plan const *p, char const *name)
{
  planned *ps = plan_services(p);

  for (size_t n = plan_count(p); n; n--, ps++)
    if (!strcmp(ps->sv.name, name)) return ps;
  return 0;
}

int plan_chosen(plan const *p, char const *name, int argc, char const *const *names)
{
  if (!argc) return 1;
  for (int i = 0; i < argc; i++)
  {
    planned const *ps = plan_find(p, names[i]);
    if (!strcmp(names[i], name)) return 1;
    for (size_t k = 0; ps && k < genalloc_len(char *, &ps->sv.needs); k++)
    {
      char const *need = genalloc_s(char *, &ps->sv.needs)[k];
      if (plan_chosen(p, name, 1, &need)) return 1;
    }
  }
  return 0;
}

void plan_free(plan *p)
{
  planned *ps = plan_services(p);

  for (size_t n = plan_count(p); n; n--, ps++) service_free(&ps->sv);
  genalloc_free(planned, &p->services);
  stralloc_free(&p->text);
}
