#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/types.h>

#include "glob.h"
#include "rules-internal.h"

typedef struct word_s word;
struct word_s
{
  char const *s;
  size_t n;
};

static int wrong(char *error, char const *format, ...) __attribute__((format(printf, 2, 3)));
static int wrong(char *error, char const *format, ...)
{
  va_list args;

  va_start(args, format);
  vsnprintf(error, RULES_ERROR_MAX, format, args);
  va_end(args);
  errno = EINVAL;
  return -1;
}

static int blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

/* The next word; a backslash keeps the blank behind it in the word. Returns its length. */
static size_t next_word(char const **s, size_t *n, word *w)
{
  size_t i = 0;

  while (*n && blank(**s)) ++*s, --*n;
  while (i < *n && !blank((*s)[i])) i += (*s)[i] == '\\' && i + 1 < *n ? 2 : 1;
  w->s = *s;
  w->n = i;
  *s += i;
  *n -= i;
  return i;
}

static int word_is(word const *w, char const *s)
{
  return w->n == strlen(s) && !memcmp(w->s, s, w->n);
}

static int shown(word const *w)
{
  return w->n > 40 ? 40 : (int)w->n;
}

typedef struct unit_s unit;
struct unit_s
{
  char const *name;
  uint64_t factor;
};

static unit const times[] = {{"ms", 1},       {"s", 1000},      {"m", 60000}, {"h", 3600000},
                             {"d", 86400000}, {"w", 604800000}, {0, 0}};
static unit const sizes[] = {{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {0, 0}};

/*
 * A number and perhaps a unit; without the number, `h` is one hour if bare units are allowed.
 * Returns 0, or -1 if it is none.
 */
static int scan_amount(char const *s, size_t n, unit const *units, uint64_t plain, int bare, uint64_t *amount)
{
  char buf[24];
  uint64_t u = 1;
  size_t digits;

  if (!n || n >= sizeof buf) return -1;
  memcpy(buf, s, n);
  buf[n] = 0;
  if (strspn(buf, "0123456789") > 18) return -1;
  digits = uint64_scan(buf, &u);
  if (!digits && !bare) return -1;
  if (buf[digits])
  {
    while (units->name && strcmp(units->name, buf + digits)) units++;
    if (!units->name) return -1;
    plain = units->factor;
  }
  if (plain && u > UINT64_MAX / plain) return -1;
  *amount = u * plain;
  return 0;
}

static int scan_rate(word const *w, limit *l, char *error)
{
  char const *slash = memchr(w->s, '/', w->n);
  uint64_t period;

  if (word_is(w, "unlimited"))
  {
    l->flags |= LIMIT_UNLIMITED;
    return 0;
  }
  if (!slash || scan_amount(w->s, (size_t)(slash - w->s), sizes, 1, 0, &l->count) < 0 ||
      scan_amount(slash + 1, w->n - (size_t)(slash + 1 - w->s), times, 1000, 1, &period) < 0)
    return wrong(error, "limit: `%.*s` is not COUNT/PERIOD (write 10/1h, 500/1m, 2M/1d or unlimited)",
                 shown(w), w->s);
  if (!l->count) return wrong(error, "limit: a COUNT of 0 would refuse everything");
  if (!period || period > LIMIT_PERIOD_MAX) return wrong(error, "limit: a PERIOD is 1ms to 49d");
  l->period = (uint32_t)period;
  l->burst = l->count;
  return 0;
}

static int scan_group(word const *w, rule *r, char *error)
{
  char const *s = w->s;
  size_t n = w->n;
  uint64_t bits;
  unsigned int most = r->family == 4 ? 32 : 128;

  if (!r->family) return wrong(error, "group: the pattern is not an address (write 0.0.0.0/0 or ::/0)");
  if (n && *s == '/') s++, n--;
  if (scan_amount(s, n, &times[6], 1, 0, &bits) < 0 || bits > most)
    return wrong(error, "group: `%.*s` is not a prefix length, /0 to /%u", shown(w), w->s, most);
  r->group = (uint8_t)bits;
  return 0;
}

static int scan_penalty(word const *w, rule *r, char *error)
{
  uint64_t ms;

  if (scan_amount(w->s, w->n, times, 1000, 0, &ms) < 0)
    return wrong(error, "penalty: `%.*s` is not a time (write 30s, 10m, 2h or 7d)", shown(w), w->s);
  if (!ms || ms > LIMIT_PENALTY_MAX * 1000ull) return wrong(error, "penalty: a time is 1ms to 48d");
  r->limit.penalty = (uint32_t)((ms + 999) / 1000);
  return 0;
}

static int scan_burst(word const *w, rule *r, char *error)
{
  if (scan_amount(w->s, w->n, sizes, 1, 0, &r->limit.burst) < 0 || !r->limit.burst)
    return wrong(error, "burst: `%.*s` is not a number of 1 or more", shown(w), w->s);
  return 0;
}

static int scan_option(word const *w, char const **s, size_t *n, rule *r, char *error)
{
  static struct
  {
    char const *name;
    int (*scan)(word const *, rule *, char *);
  } const valued[] = {{"burst", &scan_burst}, {"penalty", &scan_penalty}, {"group", &scan_group}};
  word value;

  if (word_is(w, "strict"))
    r->limit.flags |= LIMIT_STRICT;
  else if (word_is(w, "leaky"))
    r->limit.flags &= ~(unsigned int)LIMIT_STRICT;
  else if (word_is(w, "observe"))
    r->limit.flags |= LIMIT_OBSERVE;
  else
  {
    for (unsigned int i = 0; i < sizeof valued / sizeof valued[0]; i++)
      if (word_is(w, valued[i].name))
      {
        if (!next_word(s, n, &value)) return wrong(error, "%s: its value is missing", valued[i].name);
        return (*valued[i].scan)(&value, r, error);
      }
    return wrong(error, "`%.*s` is none of burst, strict, leaky, observe, penalty, group", shown(w), w->s);
  }
  return 0;
}

static int scan_pattern(word const *w, rule *r, char *error)
{
  char const *why;
  unsigned int bytes;

  r->family = (uint8_t)net_scan_prefix(w->s, w->n, r->net, &r->bits);
  bytes = r->family == 4 ? 4 : 16;
  r->group = (uint8_t)(bytes * 8);
  if (r->family)
  {
    unsigned char masked[16];
    memcpy(masked, r->net, 16);
    net_mask(masked, bytes, r->bits);
    if (memcmp(masked, r->net, 16))
      return wrong(error, "pattern: `%.*s` has bits set behind its prefix", shown(w), w->s);
    return 0;
  }
  why = glob_wrong(w->s, w->n);
  return why ? wrong(error, "pattern: `%.*s` %s", shown(w), w->s, why) : 0;
}

static int scan_rule(char const *s, size_t n, rule *r, char *error)
{
  word pattern, w;

  if (!next_word(&s, &n, &pattern)) return wrong(error, "pattern: missing (write * for any value)");
  if (scan_pattern(&pattern, r, error) < 0) return -1;
  if (!next_word(&s, &n, &w)) return wrong(error, "limit: missing (write COUNT/PERIOD, such as 10/1h)");
  if (scan_rate(&w, &r->limit, error) < 0) return -1;
  while (next_word(&s, &n, &w))
  {
    if (r->limit.flags & LIMIT_UNLIMITED) return wrong(error, "unlimited takes no options");
    if (scan_option(&w, &s, &n, r, error) < 0) return -1;
  }
  if (!(r->limit.flags & LIMIT_UNLIMITED))
  {
    limit const *l = &r->limit;
    if (l->burst > LIMIT_PARTS_MAX || l->count > LIMIT_PARTS_MAX ||
        (unsigned __int128)(l->burst + l->count) * l->period > LIMIT_PARTS_MAX)
      return wrong(error, "limit: too large (COUNT plus burst, times the PERIOD in ms, is more than 2^62)");
  }
  r->pattern = strndup(pattern.s, pattern.n);
  r->len = pattern.n;
  for (size_t i = 0; r->pattern && i < r->len; i++)
    r->pattern[i] = (char)tolower((unsigned char)r->pattern[i]);
  r->any = word_is(&pattern, "*");
  return r->pattern ? 0 : -1;
}

static int name_ok(word const *w)
{
  if (!w->n || w->n > CLASS_NAME_MAX || !isalnum((unsigned char)w->s[0])) return 0;
  for (size_t i = 0; i < w->n; i++)
    if (!isalnum((unsigned char)w->s[i]) && !strchr("._-", w->s[i])) return 0;
  return 1;
}

/* The rule of c that takes every value that one would, or 0. */
static rule const *hidden_by(class const *c, rule const *one)
{
  rule const *r = genalloc_s(rule, &c->rules);

  for (size_t n = genalloc_len(rule, &c->rules); n; n--, r++)
    if (r->any || (r->len == one->len && !memcmp(r->pattern, one->pattern, r->len)) ||
        (r->family && r->family == one->family && r->bits <= one->bits && net_has(r->net, r->bits, one->net)))
      return r;
  return 0;
}

static int add_asker(class *c, word const *w, char *error)
{
  char name[64];
  struct passwd const *pw;
  uint32_t uid;

  if (!w->n || w->n >= sizeof name) return wrong(error, "askers: `%.*s` is no user", shown(w), w->s);
  if (c->n_askers == CLASS_ASKERS) return wrong(error, "askers: more than %u users", CLASS_ASKERS);
  memcpy(name, w->s, w->n);
  name[w->n] = 0;
  if (uint320_scan(name, &uid))
    c->askers[c->n_askers++] = uid;
  else if ((pw = getpwnam(name)))
    c->askers[c->n_askers++] = pw->pw_uid;
  else
    return wrong(error, "askers: there is no user %s", name);
  return 0;
}

/* `askers=USER,...` as the only word: names of users, or numbers. */
static int add_askers(class *c, char const *s, size_t n, char *error)
{
  word w = {.s = s};

  for (size_t i = 0; i <= n; i++)
  {
    if (i < n && s[i] != ',') continue;
    w.n = (size_t)(s + i - w.s);
    if (add_asker(c, &w, error) < 0) return -1;
    w.s = s + i + 1;
  }
  return 0;
}

static class *make_class(rules *r, word const *name)
{
  class *c = rules_class(r, name->s, name->n);

  if (c) return c;
  c = &r->classes[r->n++];
  memset(c, 0, sizeof *c);
  memcpy(c->name, name->s, name->n);
  c->len = name->n;
  c->board = -1;
  return c;
}

static int append_rule(rules *r, class *c, rule *one, char *error)
{
  rule const *above = hidden_by(c, one);

  if (above)
  {
    wrong(error, "pattern: `%s` can never match: `%s` above it takes all of it (put it above that)",
          one->pattern, above->pattern);
    free(one->pattern);
    return errno = EINVAL, -1;
  }
  if (!genalloc_append(rule, &c->rules, one))
  {
    free(one->pattern);
    return -1;
  }
  if (one->family) c->nets = 1;
  r->total++;
  return 0;
}

static int add_rule(rules *r, word const *name, char const *s, size_t n, char *error)
{
  static char const askers[] = "askers=";
  rule one = {.pattern = 0};
  char const *rest = s;
  size_t left = n;
  word first, second;

  if (memchr(s, 0, n) || !name_ok(name))
    return wrong(error, "class: `%.*s` is not a name of 1 to %u letters, digits, `.`, `_` or `-`",
                 shown(name), name->s, CLASS_NAME_MAX);
  if (!rules_class(r, name->s, name->n) && r->n == RULES_CLASSES)
    return wrong(error, "more than %u classes", RULES_CLASSES);
  if (next_word(&rest, &left, &first) >= sizeof askers && !memcmp(first.s, askers, sizeof askers - 1) &&
      !next_word(&rest, &left, &second))
    return add_askers(make_class(r, name), first.s + sizeof askers - 1, first.n - sizeof askers + 1, error);
  if (r->total == RULES_MAX) return wrong(error, "more than %u rules", RULES_MAX);
  if (scan_rule(s, n, &one, error) < 0) return -1;
  return append_rule(r, make_class(r, name), &one, error);
}

int rules_add_to(rules *r, char const *name, char const *s, size_t n, char *error)
{
  word w = {.s = name, .n = strlen(name)};
  return add_rule(r, &w, s, n, error);
}

int rules_add(rules *r, char const *s, size_t n, char *error)
{
  word name;

  if (!next_word(&s, &n, &name) || name.s[0] == '#') return 0;
  return add_rule(r, &name, s, n, error);
}

static int say(stralloc *errors, char const *file, unsigned int line, char const *error)
{
  char fmt[UINT_FMT];
  size_t n = uint_fmt(fmt, line);

  return stralloc_cats(errors, file) && stralloc_catb(errors, ":", 1) && stralloc_catb(errors, fmt, n) &&
         stralloc_cats(errors, ": ") && stralloc_cats(errors, error) && stralloc_catb(errors, "\n", 1);
}

int rules_parse(rules *r, char const *file, char const *s, size_t n, stralloc *errors)
{
  char error[RULES_ERROR_MAX];
  int result = 0;

  for (unsigned int line = 1; n; line++)
  {
    char const *end = memchr(s, '\n', n);
    size_t len = end ? (size_t)(end - s) : n;

    if (rules_add(r, s, len, error) < 0)
    {
      if (errno != EINVAL || !say(errors, file, line, error)) return -1;
      result = -1;
    }
    s += len + !!end;
    n -= len + !!end;
  }
  if (result < 0) errno = EINVAL;
  return result;
}

void rules_free(rules *r)
{
  for (unsigned int i = 0; i < r->n; i++)
  {
    rule *one = genalloc_s(rule, &r->classes[i].rules);
    for (size_t n = genalloc_len(rule, &r->classes[i].rules); n; n--, one++) free(one->pattern);
    genalloc_free(rule, &r->classes[i].rules);
  }
  r->n = 0;
  r->total = 0;
}

static int cat_number(stralloc *sa, char const *before, uint64_t u, char const *after)
{
  char fmt[UINT64_FMT];
  size_t n = uint64_fmt(fmt, u);
  return stralloc_cats(sa, before) && stralloc_catb(sa, fmt, n) && stralloc_cats(sa, after);
}

static int cat_time(stralloc *sa, char const *before, uint64_t ms)
{
  unit const *best = &times[0];
  for (unit const *u = times; u->name; u++)
    if (u->factor <= ms && !(ms % u->factor)) best = u;
  return cat_number(sa, before, ms / best->factor, best->name);
}

static int cat_options(rule const *r, stralloc *sa)
{
  limit const *l = &r->limit;
  unsigned int most = r->family == 4 ? 32 : 128;

  return (l->burst == l->count || cat_number(sa, " burst ", l->burst, "")) &&
         (!(l->flags & LIMIT_STRICT) || stralloc_cats(sa, " strict")) &&
         (!(l->flags & LIMIT_OBSERVE) || stralloc_cats(sa, " observe")) &&
         (!l->penalty || cat_time(sa, " penalty ", l->penalty * 1000ull)) &&
         (!r->family || r->group == most || cat_number(sa, " group /", r->group, ""));
}

int rule_fmt(rule const *r, stralloc *sa)
{
  limit const *l = &r->limit;

  if (!stralloc_cats(sa, r->pattern)) return -1;
  if (l->flags & LIMIT_UNLIMITED) return stralloc_cats(sa, " unlimited") ? 0 : -1;
  return cat_number(sa, " ", l->count, "/") && cat_time(sa, "", l->period) && cat_options(r, sa) ? 0 : -1;
}
