#include <string.h>

#include "request.h"

static int scan_number(char const *s, size_t n, uint64_t *number)
{
  uint64_t u = 0;

  if (!n || n > 18) return 0;
  for (; n; n--, s++)
  {
    if (*s < '0' || *s > '9') return 0;
    u = u * 10 + (uint64_t)(*s - '0');
  }
  *number = u;
  return 1;
}

static char const *scan_key(char const *s, size_t n, request *r)
{
  char const *space = memchr(s, ' ', n);

  if (!space) return "no value";
  r->class = s;
  r->class_len = (size_t)(space - s);
  r->value = space + 1;
  r->value_len = n - r->class_len - 1;
  return 0;
}

/* [COUNT] [CLASS], as top takes them. */
static char const *scan_top(char const *s, size_t n, request *r)
{
  char const *space = memchr(s, ' ', n);
  size_t len = space ? (size_t)(space - s) : n;

  r->number = UINT64_MAX;
  if (len && !scan_number(s, len, &r->number)) return "not a number";
  if (space)
  {
    r->class = space + 1;
    r->class_len = n - len - 1;
  }
  return 0;
}

static char const *scan_add(char const *s, size_t n, request *r)
{
  char const *space = memchr(s, ' ', n);

  if (!space) return "no value";
  if (!scan_number(s, (size_t)(space - s), &r->number) || !r->number)
    return "not a number of 1 to 999999999999999999";
  n -= (size_t)(space + 1 - s);
  return scan_key(space + 1, n, r);
}

static char const *scan_class(char const *s, size_t n, request *r)
{
  r->class = s;
  r->class_len = n;
  return 0;
}

static char const *scan_verb(char const *s, size_t n, request *r)
{
  static struct
  {
    char const *name;
    verb verb;
    char const *(*scan)(char const *, size_t, request *);
  } const verbs[] = {
      {"add", VERB_ADD, &scan_add},         {"undo", VERB_UNDO, &scan_add},
      {"peek", VERB_PEEK, &scan_key},       {"reset", VERB_RESET, &scan_key},
      {"top", VERB_TOP, &scan_top},         {"stats", VERB_STATS, &scan_class},
      {"limits", VERB_LIMITS, &scan_class}, {"open", VERB_OPEN, &scan_add},
  };
  char const *space = memchr(s, ' ', n);
  size_t len = space ? (size_t)(space - s) : n;

  for (unsigned int i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
    if (strlen(verbs[i].name) == len && !memcmp(verbs[i].name, s, len))
    {
      r->verb = verbs[i].verb;
      len += !!space;
      return (*verbs[i].scan)(s + len, n - len, r);
    }
  return "unknown verb";
}

char const *request_scan(char const *s, size_t n, int verbs, request *r)
{
  if (n && s[n - 1] == '\r') n--;
  r->verb = VERB_CHECK;
  r->number = 1;
  r->class_len = 0;
  if (!n) return "empty request";
  if (memchr(s, 0, n)) return "NUL in request";
  if (s[0] == '!') return verbs ? scan_verb(s + 1, n - 1, r) : "unknown class";
  return scan_key(s, n, r);
}
