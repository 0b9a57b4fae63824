#include <string.h>

#include <runlib/field.h>
#include <runlib/utf8.h>

int field_next(field *f, char const **s, size_t *len)
{
  char const *end;
  char const *blank;
  size_t n;

  while (*len && **s == '\n') (*s)++, (*len)--;
  if (!*len) return 0;
  end = memchr(*s, '\n', *len);
  n = end ? (size_t)(end - *s) : *len;
  blank = memchr(*s, ' ', n);
  f->name = *s;
  f->name_len = blank ? (size_t)(blank - *s) : n;
  f->value = *s + f->name_len + (blank != 0);
  f->value_len = n - f->name_len - (blank != 0);
  *s += n;
  *len -= n;
  return 1;
}

int field_is(field const *f, char const *name)
{
  return strlen(name) == f->name_len && !memcmp(f->name, name, f->name_len);
}

int field_says(field const *f, char const *value)
{
  return strlen(value) == f->value_len && !memcmp(f->value, value, f->value_len);
}

void field_clean(char *s, size_t max, char const *from, size_t len)
{
  size_t to = 0;
  unsigned int u;

  for (size_t i = 0, n; i < len && to < max; i += n)
  {
    n = utf8_scan(&u, from + i, len - i);
    if (u == '?')
      s[to++] = '?';
    else if (n > max - to)
      break;
    else
      for (size_t k = 0; k < n; k++) s[to++] = from[i + k];
  }
  s[to] = 0;
}

void field_copy(field const *f, char *s, size_t max)
{
  field_clean(s, max, f->value, f->value_len);
}

uint64_t field_number(field const *f)
{
  uint64_t n = 0;

  for (size_t i = 0; i < f->value_len && f->value[i] != ' '; i++)
  {
    unsigned int digit = (unsigned char)f->value[i] - (unsigned int)'0';
    if (digit > 9 || n > (UINT64_MAX - digit) / 10) return 0;
    n = n * 10 + digit;
  }
  return n;
}
