#include <string.h>

#include "canon.h"

static int is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

static char lower(char c)
{
  return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* --- header -------------------------------------------------------------------------------------- */

int canon_field_next(char const **s, char const *end, field *f)
{
  char const *colon = *s, *last = *s;

  while (colon<end && * colon> ' ' && *colon < 127 && *colon != ':') colon++;
  f->name = (size_t)(colon - *s);
  while (colon < end && (*colon == ' ' || *colon == '\t')) colon++;
  if (!f->name || colon == end || *colon != ':') return 0;
  do
  {
    char const *eol = memchr(last, '\n', (size_t)(end - last));
    last = eol ? eol + 1 : end;
  } while (last < end && (*last == ' ' || *last == '\t'));
  f->s = *s;
  f->len = (size_t)(last - *s);
  *s = last;
  return 1;
}

int field_canon(stralloc *out, field const *f, int last)
{
  char const *s = (char const *)memchr(f->s, ':', f->len) + 1, *end = f->s + f->len;
  int blank = 0;
  char *to;

  if (!stralloc_readyplus(out, f->len + 3)) return -1;
  to = out->s + out->len;
  for (size_t i = 0; i < f->name; i++) *to++ = lower(f->s[i]);
  *to++ = ':';
  while (s < end && (is_blank(*s) || *s == '\n')) s++;
  for (; s < end; s++)
    if (is_blank(*s) || *s == '\n')
      blank = 1;
    else
    {
      if (blank) *to++ = ' ';
      blank = 0;
      *to++ = *s;
    }
  if (!last) *to++ = '\r', *to++ = '\n';
  out->len = (size_t)(to - out->s);
  return 0;
}

/* --- body ---------------------------------------------------------------------------------------- */

/* What waits, before content: line ends, and one blank for any number. */
static int flush_waiting(body_canon *b, stralloc *out)
{
  for (; b->newlines; b->newlines--)
    if (!stralloc_catb(out, "\r\n", 2)) return -1;
  if (b->blank && !stralloc_catb(out, " ", 1)) return -1;
  b->blank = 0;
  b->any = 1;
  return 0;
}

int body_canon_put(body_canon *b, stralloc *out, char const *s, size_t n)
{
  if (!stralloc_readyplus(out, n)) return -1;
  for (char const *end = s + n; s < end; s++)
  {
    if (b->cr && *s != '\n') b->blank = 1;
    b->cr = *s == '\r';
    if (b->cr) continue;
    if (*s == '\n')
    {
      b->newlines++;
      b->blank = 0;
    }
    else if (is_blank(*s))
      b->blank = 1;
    else if (((b->newlines || b->blank) && flush_waiting(b, out) < 0) || !stralloc_catb(out, s, 1))
      return -1;
    else
      b->any = 1;
  }
  return 0;
}

/* A body of empty lines is empty; any other ends in one line end. */
int body_canon_end(body_canon const *b, stralloc *out)
{
  return !b->any || stralloc_catb(out, "\r\n", 2) ? 0 : -1;
}

/* --- From ---------------------------------------------------------------------------------------- */

/* Behind a quoted string or a comment that begins at s; s itself where none does. */
static char const *skip_quoted(char const *s, char const *end)
{
  char close = *s == '"' ? '"' : ')';
  unsigned int depth = 1;

  if (*s != '"' && *s != '(') return s;
  for (s++; s < end && depth; s++)
  {
    if (*s == '\\' && s + 1 < end)
      s++;
    else if (*s == close)
      depth--;
    else if (*s == '(' && close == ')')
      depth++;
  }
  return s;
}

/* Where the domain begins: behind the `@` of the first address in `<>`, or else of the first one. */
static char const *find_at(char const *s, char const *end)
{
  char const *at = 0;

  while (s < end)
  {
    char const *next = skip_quoted(s, end);
    if (next > s)
    {
      s = next;
      continue;
    }
    if (*s == '<') at = 0;
    if (*s == '@') at = s + 1;
    if (at && (*s == '>' || *s == ',')) break;
    s++;
  }
  return at;
}

int from_domain(char const *value, size_t len, char domain[256])
{
  char const *end = value + len, *s = find_at(value, end);
  size_t n = 0;

  if (!s) return -1;
  while (s < end && (is_blank(*s) || *s == '\n')) s++;
  for (; s < end && n < 255; s++, n++)
  {
    char c = lower(*s);
    if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.') break;
    domain[n] = c;
  }
  domain[n] = 0;
  return n && n < 255 && domain[0] != '.' && !strstr(domain, "..") ? 0 : -1;
}
