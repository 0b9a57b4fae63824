#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include "settings.h"

/* --- pure ---------------------------------------------------------------------------------------- */

int pattern_covers(char const *pattern, size_t len, char const *domain)
{
  size_t n = strlen(domain);

  if (!len || (len == 1 && *pattern == '*')) return 1;
  if (*pattern == '.') return n > len && !strncasecmp(domain + n - len, pattern, len);
  return n == len && !strncasecmp(domain, pattern, len);
}

/* A name is more exact than any suffix, a longer suffix than a shorter one; 0: does not cover it. */
static size_t exactness(char const *pattern, size_t len, char const *domain)
{
  if (!pattern_covers(pattern, len, domain)) return 0;
  if (!len || *pattern == '*') return 1;
  return *pattern == '.' ? 1 + len : SIZE_MAX;
}

int rule_level(char const *rule)
{
  static char const *const names[] = {"none", "may", "encrypt", "verify"};
  size_t domain = strcspn(rule, " \t");
  char const *s = rule + domain + strspn(rule + domain, " \t");

  for (int i = 0; i < 4; i++)
    if (domain && !strcmp(s, names[i])) return i;
  return -1;
}

tls_level settings_tls(settings const *s, char const *domain, tls_level fallback)
{
  tls_level level = fallback;
  size_t best = 0;

  for (unsigned int i = 0; i < s->nrules; i++)
  {
    size_t n = exactness(s->rules[i], strcspn(s->rules[i], " \t"), domain);
    if (n <= best) continue;
    best = n;
    level = (tls_level)rule_level(s->rules[i]);
  }
  return level;
}

/* The part behind the domain: `RELAY[:PORT]`, with the colons of an address in brackets left alone. */
static int route_read(route *r, char const *s, size_t len)
{
  char const *bracket = len && *s == '[' ? memchr(s, ']', len) : 0;
  size_t from = bracket ? (size_t)(bracket - s) : 0;
  char const *colon = memchr(s + from, ':', len - from);
  size_t n = colon ? (size_t)(colon - s) : len;
  char port[8] = "25";

  if (colon)
  {
    if (len - n - 1 >= sizeof port) return (errno = EINVAL, -1);
    memcpy(port, colon + 1, len - n - 1);
    port[len - n - 1] = 0;
  }
  if (!uint0_scan(port, &r->port) || !r->port || r->port > 65535) return (errno = EINVAL, -1);
  return stralloc_copyb(&r->relay, s, n) && stralloc_0(&r->relay) ? 1 : -1;
}

int route_find(route *r, stralloc const *routes, char const *domain)
{
  char const *s = routes->s, *end = s + routes->len, *found = 0;
  size_t best = 0, len = 0;

  while (s < end)
  {
    char const *eol = memchr(s, '\n', (size_t)(end - s));
    char const *last = eol ? eol : end, *next = last + 1;
    char const *colon;
    while (last > s && strchr(" \t\r", last[-1])) last--;
    colon = *s == '#' ? 0 : memchr(s, ':', (size_t)(last - s));
    if (colon && exactness(s, (size_t)(colon - s), domain) > best)
    {
      best = exactness(s, (size_t)(colon - s), domain);
      found = colon + 1;
      len = (size_t)(last - found);
    }
    s = next;
  }
  return found ? route_read(r, found, len) : 0;
}

/* --- files --------------------------------------------------------------------------------------- */

/* Returns 1, 0 when there is no such file, or -1. */
static int read_file(settings const *s, char const *name, stralloc *text, char const **file)
{
  stralloc path = STRALLOC_ZERO;
  int fd = -1, result = -1;

  *file = name;
  text->len = 0;
  if (stralloc_cats(&path, s->control) && stralloc_cats(&path, "/") && stralloc_cats(&path, name) &&
      stralloc_0(&path))
  {
    fd = open(path.s, O_RDONLY | O_CLOEXEC);
    result = fd >= 0 ? (slurp(text, fd) ? 1 : -1) : errno == ENOENT ? 0 : -1;
  }
  if (fd >= 0) close(fd);
  stralloc_free(&path);
  return result;
}

/* The first line, without blanks at its end. */
static int read_line(settings const *s, char const *name, stralloc *text, char const **file)
{
  int result = read_file(s, name, text, file);
  char const *eol = result > 0 && text->len ? memchr(text->s, '\n', text->len) : 0;

  if (result < 0) return -1;
  if (eol) text->len = (size_t)(eol - text->s);
  while (text->len && strchr(" \t\r", text->s[text->len - 1])) text->len--;
  if (!stralloc_0(text)) return -1;
  return text->len > 1;
}

static int read_number(settings const *s, char const *name, unsigned int *n, char const **file)
{
  stralloc text = STRALLOC_ZERO;
  unsigned int u;
  int result = read_line(s, name, &text, file);

  if (result > 0 && uint0_scan(text.s, &u) && u) *n = u < 86400 ? u : 86400;
  stralloc_free(&text);
  return result < 0 ? -1 : 0;
}

int settings_load(settings *s, char const **file)
{
  int helo;

  if (read_line(s, "me", &s->me, file) < 0 || (helo = read_line(s, "helohost", &s->helo, file)) < 0 ||
      read_file(s, "smtproutes", &s->routes, file) < 0 ||
      read_number(s, "timeoutconnect", &s->connect_max, file) < 0 ||
      read_number(s, "timeoutremote", &s->reply_max, file) < 0)
    return -1;
  if (helo || s->me.len > 1) return helo || stralloc_copy(&s->helo, &s->me) ? 0 : -1;
  *file = "me";
  errno = ENOENT;
  return -1;
}

/* Takes the word at *s from the line, and its end becomes a NUL. */
static char *word(char **s)
{
  char *first = *s + strspn(*s, " \t");

  *s = first + strcspn(first, " \t");
  if (**s) *(*s)++ = 0;
  return first;
}

int password_find(char const *file, char const *relay, stralloc *text, char const **user,
                  char const **password)
{
  struct stat st;
  int fd = open(file, O_RDONLY | O_CLOEXEC), got;

  if (fd < 0) return -1;
  got = !fstat(fd, &st) && !(st.st_mode & 077);
  if (!got) errno = EACCES;
  got = got && slurp(text, fd) && stralloc_0(text);
  close(fd);
  if (!got) return -1;
  for (char *s = text->s, *next; *s; s = next)
  {
    char *end = s + strcspn(s, "\r\n");
    next = end + !!*end;
    *end = 0;
    if (*s == '#' || strcasecmp(word(&s), relay)) continue;
    *user = word(&s);
    *password = s;
    return **user && **password;
  }
  return 0;
}
