#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <services/contract/where.h>

#include <ctl/command/backup.h>

/* What is below path, without its slash; "": path itself; 0: it is not below. */
static char const *places_below(char const *path, char const *above)
{
  size_t n = strlen(above);

  if (strncmp(path, above, n) || (path[n] && path[n] != '/')) return 0;
  return path + n + (path[n] == '/');
}

/* The innermost place that path is in, or 0. */
static place const *places_covering(places const *p, char const *path)
{
  place const *one = genalloc_s(place, &p->list), *best = 0;

  for (size_t n = genalloc_len(place, &p->list); n; n--, one++)
    if (places_below(path, one->path) && (!best || strlen(one->path) > strlen(best->path))) best = one;
  return best;
}

char const *places_name(places const *p, char const *path, char name[PATH_MAX])
{
  place const *best = places_covering(p, path);
  char const *rest = best ? places_below(path, best->path) : 0;

  if (!best || !*best->name) return 0;
  return snprintf(name, PATH_MAX, "%s%s%s", best->name, *rest ? "/" : "", rest) < PATH_MAX ? name : 0;
}

/* What lies beside mailctl.conf has the same place in the archive; other: the name of what does not. */
static int places_add(places *p, bundle const *b, char const *path, char const *other)
{
  place one;

  if (!path || !*path || strlen(path) >= PATH_MAX || places_covering(p, path)) return 0;
  strcpy(one.path, path);
  snprintf(one.name, sizeof one.name, "%s", strncmp(path, b->file, p->base) ? other : path + p->base);
  return genalloc_append(place, &p->list, &one) ? 0 : -1;
}

typedef int places_where(stralloc *, bundle const *);

static int places_spool(stralloc *sa, bundle const *b)
{
  return spool_path(sa, b, "");
}

static int places_mail(stralloc *sa, bundle const *b)
{
  return spool_mail(sa, b, "");
}

/* A program stays where it is, unless it lies beside mailctl.conf. */
static int places_add_file(places *p, bundle const *b, char const *path)
{
  char name[PATH_MAX] = "";
  struct stat st;

  if (strstr(path, "%set%") || stat(path, &st) < 0 || !S_ISREG(st.st_mode) || places_covering(p, path))
    return 0;
  if (!(st.st_mode & 0111))
    snprintf(name, sizeof name, "files/%u-%.200s", ++p->files, strrchr(path, '/') + 1);
  return places_add(p, b, path, name);
}

static int places_add_values(places *p, wanted const *w)
{
  section const *s = genalloc_s(section, &w->c.sections);

  for (size_t n = genalloc_len(section, &w->c.sections); n; n--, s++)
  {
    value const *v = genalloc_s(value, &s->values);
    for (size_t m = genalloc_len(value, &s->values); m; m--, v++)
      if (v->key->type == KEY_PATH && v->line && places_add_file(p, &w->b, v->text) < 0) return -1;
  }
  return 0;
}

int places_find(places *p, wanted const *w)
{
  static struct
  {
    places_where *where;
    char const *name;
  } const wheres[] = {
      {&places_spool, "spool"}, {&places_mail, "mail"}, {&dkim_keys, "dkim"}, {&auth_users_file, "users"}};
  bundle const *b = &w->b;
  int result = 0;

  p->base = (size_t)(strrchr(b->file, '/') + 1 - b->file);
  if (places_add(p, b, b->control, "control") < 0 || places_add(p, b, b->state, "state") < 0 ||
      places_add(p, b, b->run, "run") < 0 || places_add(p, b, b->log, "log") < 0)
    return -1;
  for (size_t i = 0; i < sizeof wheres / sizeof *wheres && !result; i++)
  {
    stralloc path = STRALLOC_ZERO;
    result = wheres[i].where(&path, b) < 0 ? -1 : places_add(p, b, path.s, wheres[i].name);
    stralloc_free(&path);
  }
  return result ? result : places_add_values(p, w);
}

/* --- mailctl.conf ------------------------------------------------------------------------------------ */

/* The path that this line sets; 0: none. */
static value const *places_value(wanted const *w, unsigned int line)
{
  section const *s = genalloc_s(section, &w->c.sections);

  for (size_t n = genalloc_len(section, &w->c.sections); n; n--, s++)
  {
    value const *v = genalloc_s(value, &s->values);
    for (size_t m = genalloc_len(value, &s->values); m; m--, v++)
      if (v->line == line && v->key->type == KEY_PATH) return v;
  }
  return 0;
}

int places_conf(stralloc *sa, places const *p, wanted const *w)
{
  char const *s = w->c.bytes.s, *end = s + w->c.bytes.len;
  char name[PATH_MAX];
  int result = 0;

  for (unsigned int line = 1; s < end && !result; line++)
  {
    char const *eol = memchr(s, '\n', (size_t)(end - s));
    size_t n = (size_t)((eol ? eol : end) - s);
    value const *v = places_value(w, line);
    char const *new = v && !memmem(s, n, "%set%", 5) ? places_name(p, v->text, name) : 0;
    result =
        new ? service_append(sa, "%s = %s\n", v->key->name, new) : service_append(sa, "%.*s\n", (int)n, s);
    s += n + 1;
  }
  return result;
}
