#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <runlib/mapping.h>

void mapping_free(mapping *m)
{
  stralloc_free(&m->text);
  genalloc_free(alias, &m->aliases);
  genalloc_free(size_t, &m->domains);
}

static char lower(char c)
{
  return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static int blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

int mapping_name_ok(char const *name, size_t len)
{
  if (!len || len > MAPPING_NAME_MAX || name[0] == '.') return 0;
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)name[i] <= ' ' || name[i] == 127 || name[i] == '/') return 0;
  return 1;
}

/* Appends s in lower case and a NUL; *place is where it begins. */
static int keep(mapping *m, char const *s, size_t len, size_t *place)
{
  if (!stralloc_readyplus(&m->text, len + 1)) return -1;
  *place = m->text.len;
  for (size_t i = 0; i < len; i++) m->text.s[m->text.len++] = lower(s[i]);
  m->text.s[m->text.len++] = 0;
  return 0;
}

/* A target as it stands: case may matter to another host, and to a program. */
static int keep_target(mapping *m, char const *s, size_t len, char const **wrong)
{
  if (memchr(s, 0, len)) return *wrong = "a NUL in a target", -1;
  if (*s == '/' || *s == '&' || *s == '"')
    return *wrong = "a target is a Maildir, an alias, an address, or `|` and a command", -1;
  if (*s == '|' && !m->programs)
    return *wrong = "a program, which is not allowed: say `programs = yes` in [spool]", -1;
  return stralloc_catb(&m->text, s, len) && stralloc_catb(&m->text, "", 1) ? 0 : -1;
}

/* The next line of s without blanks around it and without a comment. Moves *pos on; returns 0 at the end. */
static int next_line(char const *s, size_t len, size_t *pos, char const **line, size_t *n)
{
  char const *end;

  if (*pos >= len) return 0;
  *line = s + *pos;
  end = memchr(*line, '\n', len - *pos);
  *n = end ? (size_t)(end - *line) : len - *pos;
  *pos += *n + 1;
  end = memchr(*line, '#', *n);
  if (end) *n = (size_t)(end - *line);
  while (*n && blank((*line)[*n - 1])) --*n;
  return 1;
}

int mapping_add_domains(mapping *m, char const *s, size_t len)
{
  char const *line;
  size_t n, pos = 0, place;

  while (next_line(s, len, &pos, &line, &n))
  {
    for (; n && blank(*line); n--) line++;
    if (!n) continue;
    if (keep(m, line, n, &place) < 0 || !genalloc_append(size_t, &m->domains, &place)) return -1;
  }
  return 0;
}

int mapping_local(mapping const *m, char const *domain)
{
  size_t const *place = genalloc_s(size_t, &m->domains);
  size_t len = strlen(domain);

  for (size_t i = genalloc_len(size_t, &m->domains); i; i--, place++)
  {
    char const *d = m->text.s + *place;
    size_t n = strlen(d);
    if (!strcmp(d, domain) || (*d == '.' && n < len && !strcmp(d, domain + len - n))) return 1;
  }
  return 0;
}

/* --- the alias file ------------------------------------------------------------------------------- */

static int add_targets(mapping *m, char const *s, size_t n, char const **wrong)
{
  while (n)
  {
    size_t word = 0;
    /* A command goes on to the line's end. */
    while (word < n && (*s == '|' || (!blank(s[word]) && s[word] != ','))) word++;
    if (word && keep_target(m, s, word, wrong) < 0) return -1;
    word += !word;
    s += word;
    n -= word;
  }
  return 0;
}

static int end_targets(mapping *m, char const **wrong)
{
  size_t count = genalloc_len(alias, &m->aliases);

  if (!count) return 0;
  if (genalloc_s(alias, &m->aliases)[count - 1].targets == m->text.len)
    return *wrong = "an alias without a target", -1;
  return stralloc_catb(&m->text, "", 1) ? 0 : -1;
}

static int begin_alias(mapping *m, char const **s, size_t *n, char const **wrong)
{
  char const *colon = memchr(*s, ':', *n);
  size_t len = colon ? (size_t)(colon - *s) : 0;
  alias a;

  if (!colon) return *wrong = "no colon: a line is `name: target, ...`", -1;
  while (len && blank((*s)[len - 1])) len--;
  if (!mapping_name_ok(*s, len)) return *wrong = "a name that no recipient can have", -1;
  if (keep(m, *s, len, &a.name) < 0) return -1;
  a.targets = m->text.len;
  *n -= (size_t)(colon + 1 - *s);
  *s = colon + 1;
  return genalloc_append(alias, &m->aliases, &a) ? 0 : -1;
}

static char const *sort_text; /* qsort has no argument for it */

static int by_name(void const *a, void const *b)
{
  return strcmp(sort_text + ((alias const *)a)->name, sort_text + ((alias const *)b)->name);
}

static int sort(mapping *m, char const **wrong)
{
  alias *a = genalloc_s(alias, &m->aliases);
  size_t n = genalloc_len(alias, &m->aliases);

  sort_text = m->text.s;
  if (n) qsort(a, n, sizeof *a, &by_name);
  for (size_t i = 1; i < n; i++)
    if (!by_name(a + i - 1, a + i)) return *wrong = "an alias stands there twice", -1;
  return 0;
}

int mapping_set_aliases(mapping *m, char const *s, size_t len, unsigned int *line, char const **wrong)
{
  char const *l;
  size_t n, pos = 0;

  *wrong = 0;
  for (*line = 1; next_line(s, len, &pos, &l, &n); ++*line)
  {
    if (!n) continue;
    if (!blank(*l))
    {
      if (end_targets(m, wrong) < 0 || begin_alias(m, &l, &n, wrong) < 0) goto bad;
    }
    else if (!genalloc_len(alias, &m->aliases))
    {
      *wrong = "a line that goes on, but nothing before it";
      goto bad;
    }
    if (add_targets(m, l, n, wrong) < 0) goto bad;
  }
  if (!end_targets(m, wrong) && !sort(m, wrong)) return 0;
bad:
  errno = *wrong ? EPROTO : ENOMEM;
  return -1;
}

char const *mapping_alias(mapping const *m, char const *name)
{
  alias const *a = genalloc_s(alias, &m->aliases);
  size_t low = 0, high = genalloc_len(alias, &m->aliases);

  while (low < high)
  {
    size_t mid = low + (high - low) / 2;
    int c = strcmp(name, m->text.s + a[mid].name);
    if (!c) return m->text.s + a[mid].targets;
    if (c < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return 0;
}

/* --- finding -------------------------------------------------------------------------------------- */

typedef struct search_s search;
struct search_s
{
  mapping const *m;
  mapping_exists *exists;
  void *data;
  stralloc *directories;
  stralloc *why;
  unsigned int count;
  unsigned int steps;
  char const *chain[MAPPING_DEPTH]; /* the aliases that led here */
  unsigned int depth;
};

/* 0 and the reason; the address may hold anything, so what is not printed as it is becomes `?`. */
static int refuse(search *s, char const *what, char const *name)
{
  size_t n = strlen(name);

  s->why->len = 0;
  if (!stralloc_cats(s->why, what) || !stralloc_readyplus(s->why, n)) return -1;
  for (; n; n--, name++) s->why->s[s->why->len++] = (unsigned char)*name < ' ' || *name == 127 ? '?' : *name;
  return 0;
}

static int add_directory(search *s, char const *name)
{
  char const *f = s->directories->s;
  size_t i = 0;

  for (unsigned int k = 0; k < s->count; k++)
  {
    if (!strcmp(f + i, name)) return 1;
    i += strlen(f + i) + 1;
  }
  if (s->count == MAPPING_FOLDERS) return refuse(s, "leads to too many directories: ", name);
  s->count++;
  return stralloc_catb(s->directories, name, strlen(name) + 1) ? 1 : -1;
}

static int in_chain(search const *s, char const *name)
{
  for (unsigned int i = 0; i < s->depth; i++)
    if (!strcmp(s->chain[i], name)) return 1;
  return 0;
}

static int expand(search *s, char const *name);

/* One target of an alias. */
static int follow_target(search *s, char const *target)
{
  char name[1024];
  char const *at;
  size_t n = strlen(target);

  if (*target == '|') return add_directory(s, target);
  if (n >= sizeof name) return refuse(s, "too long a target: ", target);
  for (size_t i = 0; i <= n; i++) name[i] = lower(target[i]);
  at = strrchr(name, '@');
  if (s->m->foreign && at && at > name && !mapping_local(s->m, at + 1)) return add_directory(s, target);
  return expand(s, name);
}

static int follow(search *s, char const *name, char const *targets)
{
  int r = 1;

  if (s->depth == MAPPING_DEPTH) return refuse(s, "aliases go too deep, at ", name);
  s->chain[s->depth++] = name;
  for (; *targets && r > 0; targets += strlen(targets) + 1) r = follow_target(s, targets);
  s->depth--;
  return r;
}

/*
 * One name as it stands, extensions and all. 1: it led somewhere, 2: it is nothing, else as expand.
 * An alias may name itself: then its directory is meant.
 */
static int lookup(search *s, char const *name)
{
  char const *targets = in_chain(s, name) ? 0 : mapping_alias(s->m, name);
  int r;

  if (++s->steps > MAPPING_STEPS) return refuse(s, "takes too many steps, at ", name);
  if (targets) return follow(s, name, targets);
  if (!mapping_name_ok(name, strlen(name)) || strchr(name, '@')) return 2;
  r = s->exists(s->data, name);
  return r > 0 ? add_directory(s, name) : r ? -1 : 2;
}

/*
 * The local part, of n bytes, then the same without its last extension, and so on, each time with its domain first: at is
 * `@domain`, or empty.
 */
static int lookup_extensions(search *s, char const *local, size_t n, char const *at)
{
  char name[MAPPING_NAME_MAX + 1];
  char whole[1280];
  int r;

  if (n > MAPPING_NAME_MAX) return 2;
  memcpy(name, local, n);
  for (;;)
  {
    name[n] = 0;
    if (*at && snprintf(whole, sizeof whole, "%s%s", name, at) < (int)sizeof whole &&
        (r = lookup(s, whole)) != 2)
      return r;
    r = lookup(s, name);
    if (r != 2) return r;
    while (n && name[n - 1] != '-' && name[n - 1] != '+') n--;
    if (n < 2) return 2;
    n--;
  }
}

/* Returns 1, 0 refused, -1 cannot tell. name is in lower case. */
static int expand(search *s, char const *name)
{
  char const *at = strrchr(name, '@');
  size_t n = at ? (size_t)(at - name) : strlen(name);
  int r;

  if (at && !mapping_local(s->m, at + 1))
    return refuse(s, "not a local domain, and spool delivers locally only: ", at + 1);
  r = lookup_extensions(s, name, n, at ? at : "");
  if (r != 2) return r;
  r = refuse(s, at ? "no such user: " : "no such alias or directory: ", name);
  if (!r && at) s->why->len -= strlen(at);
  return r;
}

static int catch_all(search *s)
{
  s->directories->len = s->count = s->depth = 0;
  return lookup_extensions(s, s->m->catchall, strlen(s->m->catchall), "");
}

int mapping_find(mapping const *m, char const *address, size_t len, mapping_exists *exists, void *data,
                 stralloc *directories, stralloc *why)
{
  search s = {.m = m, .exists = exists, .data = data, .directories = directories, .why = why};
  char name[1024];
  int r;

  directories->len = 0;
  if (len >= sizeof name || memchr(address, 0, len)) return refuse(&s, "not an address", "");
  for (size_t i = 0; i < len; i++) name[i] = lower(address[i]);
  name[len] = 0;
  if (len && name[len - 1] == '.' && strchr(name, '@')) name[len - 1] = 0;
  r = expand(&s, name);
  if (!r && m->catchall && (!strrchr(name, '@') || mapping_local(m, strrchr(name, '@') + 1)))
  {
    r = catch_all(&s);
    if (r == 2) r = refuse(&s, "the catch-all is neither alias nor directory: ", m->catchall);
  }
  return r > 0 ? (int)s.count : r;
}
