#include <string.h>
#include <strings.h>

#include "fields.h"

void fields_free(fields *f)
{
  stralloc_free(&f->text);
}

void fields_clear(fields *f)
{
  stralloc const text = f->text;
  static fields const fresh = FIELDS_ZERO;

  *f = fresh;
  f->text = text;
  f->text.len = 0;
}

int fields_copy(fields *to, fields const *from)
{
  stralloc text = to->text;

  if (!stralloc_copyb(&text, from->text.s, from->end)) return -1;
  *to = *from;
  to->text = text;
  return 0;
}

/* --- as it comes --------------------------------------------------------------------------------- */

/* Bytes of the name that s begins with, the colon not counted; 0: it is no field. RFC 5322, 2.2, and blanks (4.5). */
static size_t name_length(char const *s, size_t len)
{
  size_t n = 0, end;

  while (n < len && s[n] > 32 && s[n] < 127 && s[n] != ':') n++;
  for (end = n; end < len && (s[end] == ' ' || s[end] == '\t'); end++)
    ;
  return end < len && s[end] == ':' ? n : 0;
}

/* A whole line, its newline included, stands in the text from f->line on. */
static void take_line(fields *f)
{
  char const *s = f->text.s + f->line;
  size_t n = f->text.len - f->line;

  if (n == 1)
  {
    f->over = f->blank = 1;
    f->text.len = f->line;
  }
  else if (!((*s == ' ' || *s == '\t') && f->line) && !name_length(s, n))
    f->over = 1;
  else
    f->line = f->text.len;
  f->end = f->line;
}

int fields_feed(fields *f, char const *s, size_t len, size_t *used)
{
  *used = 0;
  while (!f->over && *used < len)
  {
    char const *newline = memchr(s + *used, '\n', len - *used);
    size_t n = newline ? (size_t)(newline + 1 - (s + *used)) : len - *used;
    if (f->text.len + n > FIELDS_MAX) return 1;
    if (!stralloc_catb(&f->text, s + *used, n)) return -1;
    *used += n;
    if (newline) take_line(f);
  }
  return 0;
}

/* --- reading ------------------------------------------------------------------------------------- */

/* Where the field that begins at `at` ends: behind its newline. */
static size_t field_end(fields const *f, size_t at)
{
  while (at < f->end)
  {
    char const *newline = memchr(f->text.s + at, '\n', f->end - at);
    at = newline ? (size_t)(newline + 1 - f->text.s) : f->end;
    if (at >= f->end || (f->text.s[at] != ' ' && f->text.s[at] != '\t')) break;
  }
  return at;
}

int fields_next(fields const *f, size_t *at, one_field *x)
{
  char const *s = f->text.s + *at, *colon;
  size_t end = field_end(f, *at);

  if (*at == f->own && end > *at)
  {
    *at = end;
    s = f->text.s + *at;
    end = field_end(f, *at);
  }
  if (end == *at) return 0;
  x->name = s;
  x->name_len = name_length(s, end - *at);
  colon = s + x->name_len;
  while (*colon == ' ' || *colon == '\t') colon++;
  x->value = colon + 1;
  x->value_len = (size_t)(f->text.s + end - 1 - x->value);
  *at = end;
  return 1;
}

/* --- changing ------------------------------------------------------------------------------------ */

/* Puts a field in place of the bytes from `at` to `to`. */
static int replace(fields *f, size_t at, size_t to, stralloc const *with)
{
  size_t old = to - at;

  if (f->end - old + with->len > FIELDS_MAX) return 1;
  if (!stralloc_readyplus(&f->text, with->len)) return -1;
  memmove(f->text.s + at + with->len, f->text.s + to, f->end - to);
  if (with->len) memcpy(f->text.s + at, with->s, with->len);
  f->end = f->text.len = f->end - old + with->len;
  if (f->own >= at && f->own >= to) f->own = f->own - old + with->len;
  return 0;
}

/* A newline in a value goes on with a blank, or it would begin a field, or the body. */
static int make_field(stralloc *sa, char const *name, char const *value, int spaced)
{
  size_t n = strlen(value);

  if (!*name || strlen(name) > FIELD_NAME ||
      name[strspn(name, "!\"#$%&'()*+,-./0123456789;<=>?@"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
                        "abcdefghijklmnopqrstuvwxyz{|}~")])
    return 1;
  while (n && (value[n - 1] == '\n' || value[n - 1] == '\r')) n--;
  if (!stralloc_readyplus(sa, 2 * n + strlen(name) + 3) || !stralloc_cats(sa, name) ||
      !stralloc_cats(sa, spaced ? ":" : ": "))
    return -1;
  for (size_t i = 0; i < n; i++)
  {
    if (value[i] == '\r') continue;
    sa->s[sa->len++] = value[i];
    if (value[i] == '\n' && value[i + 1] != ' ' && value[i + 1] != '\t') sa->s[sa->len++] = '\t';
  }
  return stralloc_catb(sa, "\n", 1) ? 0 : -1;
}

static int put(fields *f, size_t at, size_t to, char const *name, char const *value, int spaced)
{
  stralloc sa = STRALLOC_ZERO;
  int r = make_field(&sa, name, value, spaced);

  if (!r) r = replace(f, at, to, &sa);
  stralloc_free(&sa);
  return r;
}

int fields_add(fields *f, char const *name, char const *value, int spaced)
{
  return put(f, f->end, f->end, name, value, spaced);
}

int fields_insert(fields *f, uint32_t index, char const *name, char const *value, int spaced)
{
  size_t at = 0;

  while (index-- && at < f->end) at = field_end(f, at);
  return put(f, at, at, name, value, spaced);
}

int fields_change(fields *f, uint32_t index, char const *name, char const *value, int spaced)
{
  stralloc const nothing = STRALLOC_ZERO;
  size_t at = 0, n = strlen(name);
  one_field x;

  if (!index) index = 1;
  while (fields_next(f, &at, &x))
    if (x.name_len == n && !strncasecmp(x.name, name, n) && !--index)
    {
      size_t from = (size_t)(x.name - f->text.s);
      return *value ? put(f, from, at, name, value, spaced) : replace(f, from, at, &nothing);
    }
  return *value ? fields_add(f, name, value, spaced) : 0;
}
