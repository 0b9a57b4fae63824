#include <errno.h>
#include <string.h>

#include <runlib/users.h>

/* Where the next field or line ends. */
static size_t until(char const *s, size_t len, char c)
{
  char const *p = memchr(s, c, len);
  return p ? (size_t)(p - s) : len;
}

users_match users_find(char const *text, size_t len, char const *name)
{
  users_match m = {.hash = 0, .len = 0, .other = 0, .otherlen = 0};
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
      if (n == namelen && !memcmp(text, name, n) && !m.hash) m.hash = hash, m.len = hashlen;
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

int users_edit(stralloc *out, char const *text, size_t len, char const *name, char const *hash)
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
      if (hash && !found && !add_line(out, name, hash, text + h, line - h)) return -1;
      found++;
    }
    else if (!stralloc_catb(out, text, line) || !stralloc_catb(out, "\n", 1))
      return -1;
    if (line < len) line++;
    text += line;
    len -= line;
  }
  if (hash && !found && !add_line(out, name, hash, "", 0)) return -1;
  return found;
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
