#include "glob.h"

/* One character of a set, which may be behind a backslash. */
static size_t set_char(char const *p, size_t n, size_t i, unsigned char *c)
{
  if (p[i] == '\\' && i + 1 < n) i++;
  *c = (unsigned char)p[i];
  return i + 1;
}

/* p is what follows `[`. Returns the place after `]`, or 0 if there is none; *hit whether c is in the set. */
static size_t set_match(char const *p, size_t n, unsigned char c, int *hit)
{
  size_t i = 0;
  int negated = n && (p[0] == '!' || p[0] == '^');
  int found = 0;

  if (negated) i++;
  for (size_t first = i; i < n && (p[i] != ']' || i == first);)
  {
    unsigned char low, high;
    i = set_char(p, n, i, &low);
    high = low;
    if (i + 1 < n && p[i] == '-' && p[i + 1] != ']') i = set_char(p, n, i + 1, &high);
    if (c >= low && c <= high) found = 1;
  }
  *hit = found != negated;
  return i < n ? i + 1 : 0;
}

/* Matches one character of pattern, at p. Returns how much of the pattern that took, 0 if it does not match. */
static size_t one_match(char const *p, size_t n, unsigned char c)
{
  size_t used;
  int hit;

  switch (p[0])
  {
    case '?': return 1;
    case '[': used = set_match(p + 1, n - 1, c, &hit); return used && hit ? used + 1 : 0;
    case '\\':
      if (n > 1) return (unsigned char)p[1] == c ? 2 : 0;
      return c == '\\';
    default: return (unsigned char)p[0] == c;
  }
}

int glob_match(char const *pattern, size_t plen, char const *s, size_t n)
{
  size_t p = 0, i = 0;
  size_t star = plen, mark = 0; /* the place after the last star, and where its text ends so far */
  int starred = 0;

  while (i < n)
  {
    size_t used;
    if (p < plen && pattern[p] == '*')
    {
      star = ++p, mark = i, starred = 1;
      continue;
    }
    used = p < plen ? one_match(pattern + p, plen - p, (unsigned char)s[i]) : 0;
    if (used)
      p += used, i++;
    else if (starred)
      p = star, i = ++mark;
    else
      return 0;
  }
  while (p < plen && pattern[p] == '*') p++;
  return p == plen;
}

char const *glob_wrong(char const *pattern, size_t plen)
{
  size_t p = 0;

  while (p < plen)
  {
    int hit;
    size_t used;
    if (pattern[p] == '\\' && p + 1 == plen) return "ends in a backslash";
    if (pattern[p] != '[')
    {
      p += pattern[p] == '\\' ? 2 : 1;
      continue;
    }
    used = set_match(pattern + p + 1, plen - p - 1, 0, &hit);
    if (!used) return "has a `[` without its `]`";
    p += used + 1;
  }
  return 0;
}
