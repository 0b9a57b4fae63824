#include <errno.h>
#include <string.h>

#include <runlib/linefile.h>
#include <runlib/users.h>

/* Where the next field or line ends. */
static size_t until(char const *s, size_t len, char c)
{
  char const *p = memchr(s, c, len);
  return p ? (size_t)(p - s) : len;
}

users_match users_find(char const *text, size_t len, char const *name)
{
  users_match m = {.hash = 0};
  size_t namelen = strlen(name);

  while (len)
  {
    size_t line = until(text, len, '\n');
    size_t n = until(text, line, ':');

    if (n && n < line && text[0] != '#')
    {
      char const *hash = text + n + 1;
      size_t hashlen = until(hash, line - n - 1, ':');

      if (!m.other) m.other = hash, m.otherlen = hashlen;
      if (n == namelen && !memcmp(text, name, n) && !m.hash)
        m.hash = hash, m.len = hashlen, m.rest = hash + hashlen, m.restlen = line - n - 1 - hashlen;
    }
    if (line < len) line++;
    text += line;
    len -= line;
  }
  return m;
}

char const *users_name_fault(char const *name)
{
  size_t len = strlen(name);

  if (!len) return "is empty";
  if (len > USERS_NAMEMAX) return "is longer than 255 bytes";
  if (name[0] == '#') return "begins with `#`";
  for (; *name; name++)
  {
    if (*name == ':') return "contains a colon";
    if ((unsigned char)*name <= ' ' || *name == 127) return "contains a blank or a control character";
  }
  return 0;
}

static int add_line(stralloc *out, char const *name, char const *hash, char const *rest, size_t restlen)
{
  return stralloc_cats(out, name) && stralloc_catb(out, ":", 1) && stralloc_cats(out, hash) &&
         stralloc_catb(out, rest, restlen) && stralloc_catb(out, "\n", 1);
}

int users_edit(stralloc *out, char const *text, size_t len, char const *name, char const *hash,
               char const *rest)
{
  size_t namelen = strlen(name);
  int found = 0;

  while (len)
  {
    size_t line = until(text, len, '\n');
    size_t n = until(text, line, ':');

    if (n == namelen && n < line && !memcmp(text, name, n))
    {
      size_t h = n + 1 + until(text + n + 1, line - n - 1, ':');
      if (hash && !found &&
          !add_line(out, name, hash, rest ? rest : text + h, rest ? strlen(rest) : line - h))
        return -1;
      found++;
    }
    else if (!stralloc_catb(out, text, line) || !stralloc_catb(out, "\n", 1))
      return -1;
    if (line < len) line++;
    text += line;
    len -= line;
  }
  if (hash && !found && !add_line(out, name, hash, rest ? rest : "", rest ? strlen(rest) : 0)) return -1;
  return found;
}

/* --- Dovecot's fields ------------------------------------------------------------------------------ */

#define EXTRA                                                                                                \
  6 /* colons from the second one of the line on: uid, gid, gecos, home, shell, and extra fields */

/* Where the extra fields begin; *colons: how many there are before them, at most EXTRA. */
static size_t extra_begin(char const *rest, size_t len, unsigned int *colons)
{
  size_t i = 0;

  for (*colons = 0; i < len && *colons < EXTRA; i++) *colons += rest[i] == ':';
  return i;
}

/* The next word of the extra fields; whether it sets key. *pos moves on. Returns 0 at the end. */
static int extra_next(char const *s, size_t len, size_t *pos, char const **word, size_t *n)
{
  while (*pos < len && s[*pos] == ' ') ++*pos;
  *word = s + *pos;
  *n = until(*word, len - *pos, ' ');
  *pos += *n;
  return *n > 0;
}

static int extra_is(char const *word, size_t n, char const *key)
{
  size_t k = strlen(key);

  return n > k && !memcmp(word, key, k) && word[k] == '=';
}

char const *users_extra(char const *rest, size_t len, char const *key, size_t *n)
{
  unsigned int colons;
  size_t pos = extra_begin(rest, len, &colons);
  char const *word;

  while (extra_next(rest, len, &pos, &word, n))
    if (extra_is(word, *n, key))
    {
      size_t k = strlen(key) + 1;
      *n -= k;
      return word + k;
    }
  return 0;
}

int users_set_extra(stralloc *sa, char const *old, size_t len, char const *key, char const *value)
{
  unsigned int colons;
  size_t pos = extra_begin(old, len, &colons), n;
  char const *word;
  int any = 0;

  if (!value && colons < EXTRA) return stralloc_catb(sa, old, len) ? 0 : -1;
  if (!stralloc_catb(sa, old, pos) || !stralloc_catb(sa, "::::::", EXTRA - colons)) return -1;
  while (extra_next(old, len, &pos, &word, &n))
    if (!extra_is(word, n, key))
    {
      if ((any && !stralloc_catb(sa, " ", 1)) || !stralloc_catb(sa, word, n)) return -1;
      any = 1;
    }
  if (!value) return 0;
  return (!any || stralloc_catb(sa, " ", 1)) && stralloc_cats(sa, key) && stralloc_catb(sa, "=", 1) &&
                 stralloc_cats(sa, value)
             ? 0
             : -1;
}

/* --- the file --------------------------------------------------------------------------------------- */

typedef struct users_change_s users_change;
struct users_change_s
{
  char const *name;
  char const *hash;
  int found;
};

static int users_change_edit(stralloc *out, char const *text, size_t len, void *data)
{
  users_change *c = data;

  c->found = users_edit(out, text, len, c->name, c->hash, 0);
  return c->found < 0 ? -1 : c->hash || c->found;
}

int users_update(char const *file, char const *name, char const *hash, uid_t uid, gid_t gid)
{
  users_change c = {.name = name, .hash = hash};
  linefile const l = {.edit = &users_change_edit, .data = &c, .uid = uid, .gid = gid, .mode = 0600};

  return linefile_update(file, &l) < 0 ? -1 : c.found;
}

char const *users_pair_fault(char const *name, char const *password)
{
  if (users_name_fault(name))
    return "a name is up to 255 characters without blanks and colons, not beginning with `#`";
  if (!*password) return "the password is empty";
  if (strchr(password, '\n')) return "the password contains a newline";
  if (strlen(name) + strlen(password) > USERS_PAIRMAX) return "name and password are longer than 500 bytes";
  return 0;
}
