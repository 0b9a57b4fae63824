#include <stdint.h>
#include <string.h>

#include <skalibs/fmtscan.h>

#include <runlib/utf8.h>

#include "path.h"

int path_utf8(char const *text, size_t len)
{
  while (len)
  {
    size_t n = utf8_length(text, len);
    if (!n || (unsigned char)*text < 32 || *text == 127) return 0;
    text += n;
    len -= n;
  }
  return 1;
}

size_t path_literal(char const *s, size_t len, char ip[16])
{
  char text[64];
  size_t n;

  if (len < 3 || len >= sizeof text || *s != '[' || s[len - 1] != ']') return 0;
  memcpy(text, s + 1, len - 2);
  text[len - 2] = 0;
  if (!strncasecmp(text, "IPv6:", 5))
  {
    n = ip6_scan(text + 5, ip);
    return n && !text[5 + n] ? 16 : 0;
  }
  n = ip4_scan(text, ip);
  return n && !text[n] ? 4 : 0;
}

static int domain_ok(char const *s, size_t len)
{
  char ip[16];

  if (!len || len > 255) return 0;
  if (*s == '[') return path_literal(s, len, ip) != 0;
  if (*s == '.' || *s == '-' || s[len - 1] == '.') return 0;
  for (size_t i = 0; i < len; i++)
  {
    unsigned char c = (unsigned char)s[i];
    if (c == '.' ? s[i - 1] == '.'
                 : !(c >= 128 || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' ||
                     c == '_'))
      return 0;
  }
  return 1;
}

/* `@one,@two:` is dropped, as RFC 5321 says. */
static char const *skip_route(char const *s)
{
  size_t n;

  if (*s != '@') return s;
  n = strcspn(s, ":> ");
  return s[n] == ':' ? s + n + 1 : 0;
}

/*
 * Takes the quoting away. Returns the place of the end: end itself, or a NUL; 0 if it is malformed,
 * *at is where the last unquoted @ went in sa, or sa->len.
 */
static char const *unquote(char const *s, char end, stralloc *sa, size_t *at)
{
  int quoted = 0;

  *at = SIZE_MAX;
  for (; *s && (quoted || *s != end); s++)
  {
    if (*s == '"')
    {
      quoted = !quoted;
      continue;
    }
    if (*s == '\\')
    {
      if (!*++s) return 0;
    }
    else if (!quoted)
    {
      if (*s == ' ' || *s == '<' || *s == '>') return 0;
      if (*s == '@' && *at != SIZE_MAX) return 0;
      if (*s == '@') *at = sa->len;
    }
    if ((unsigned char)*s < 32 || *s == 127) return 0;
    sa->s[sa->len++] = *s;
  }
  if (quoted || (end == '>' && !*s)) return 0;
  return s;
}

static path_wrong verdict(stralloc *sa, size_t at, int utf8)
{
  char const *last = sa->len ? memrchr(sa->s, '@', sa->len) : 0;

  sa->s[sa->len] = 0;
  if (sa->len > PATH_MAX_ADDRESS) return PATH_LONG;
  /* A quoted @ behind the real one would move the host. */
  if (last && at != (size_t)(last - sa->s)) return PATH_SYNTAX;
  if (last && (last == sa->s || !domain_ok(last + 1, sa->len - (size_t)(last + 1 - sa->s))))
    return PATH_SYNTAX;
  for (size_t i = 0; i < sa->len; i++)
    if ((unsigned char)sa->s[i] >= 128)
    {
      if (!utf8) return PATH_ASCII;
      return path_utf8(sa->s, sa->len) ? PATH_OK : PATH_UTF8;
    }
  return PATH_OK;
}

path_wrong path_scan(char const *s, int utf8, stralloc *sa, char const **rest)
{
  char end = ' ';
  size_t at;

  s += strspn(s, " \t");
  if (*s == '<')
  {
    end = '>';
    s++;
  }
  else if (!*s)
    return PATH_SYNTAX;
  s = skip_route(s);
  if (!s) return PATH_SYNTAX;
  sa->len = 0;
  if (!stralloc_ready(sa, strlen(s) + 1)) return PATH_MEMORY;
  s = unquote(s, end, sa, &at);
  if (!s) return PATH_SYNTAX;
  if (*s == '>') s++;
  if (*s && *s != ' ' && *s != '\t') return PATH_SYNTAX;
  *rest = s;
  return verdict(sa, at, utf8);
}
