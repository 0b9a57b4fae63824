#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/types.h>

#include "glob.h"
#include "rules-internal.h"

/* A rule as a line of the file says it, without its class, and back. */

int rules_wrong(char *error, char const *format, ...)
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

size_t word_next(char const **s, size_t *n, word *w)
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

int word_is(word const *w, char const *s)
{
  return w->n == strlen(s) && !memcmp(w->s, s, w->n);
}

int word_shown(word const *w)
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

/* One more window of r. */
int span_scan(word const *w, uint64_t *ms)
{
  return scan_amount(w->s, w->n, times, 1000, 0, ms);
}

static int scan_rate(word const *w, rule *r, char *error)
{
  char const *slash = memchr(w->s, '/', w->n);
  limit *l = &r->limits[r->windows];
  uint64_t period;

  if (r->windows == RULE_WINDOWS)
    return rules_wrong(error, "limit: more than %u of them in a rule", RULE_WINDOWS);
  r->windows++;
  if (word_is(w, "unlimited"))
  {
    l->flags |= LIMIT_UNLIMITED;
    return 0;
  }
  if (!slash || scan_amount(w->s, (size_t)(slash - w->s), sizes, 1, 0, &l->count) < 0 ||
      scan_amount(slash + 1, w->n - (size_t)(slash + 1 - w->s), times, 1000, 1, &period) < 0)
    return rules_wrong(error, "limit: `%.*s` is not COUNT/PERIOD (write 10/1h, 500/1m, 2M/1d or unlimited)",
                       word_shown(w), w->s);
  if (!l->count) return rules_wrong(error, "limit: a COUNT of 0 would refuse everything");
  if (!period || period > LIMIT_PERIOD_MAX) return rules_wrong(error, "limit: a PERIOD is 1ms to 49d");
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

  if (!r->family) return rules_wrong(error, "group: the pattern is not an address (write 0.0.0.0/0 or ::/0)");
  if (n && *s == '/') s++, n--;
  if (scan_amount(s, n, &times[6], 1, 0, &bits) < 0 || bits > most)
    return rules_wrong(error, "group: `%.*s` is not a prefix length, /0 to /%u", word_shown(w), w->s, most);
  r->group = (uint8_t)bits;
  return 0;
}

static int scan_penalty(word const *w, rule *r, char *error)
{
  uint64_t ms;

  if (span_scan(w, &ms) < 0)
    return rules_wrong(error, "penalty: `%.*s` is not a time (write 30s, 10m, 2h or 7d)", word_shown(w),
                       w->s);
  if (!ms || ms > LIMIT_PENALTY_MAX * 1000ull) return rules_wrong(error, "penalty: a time is 1ms to 48d");
  r->limits[0].penalty = (uint32_t)((ms + 999) / 1000);
  return 0;
}

/* Of the window before it. */
static int scan_burst(word const *w, rule *r, char *error)
{
  limit *l = &r->limits[r->windows - 1];

  if (scan_amount(w->s, w->n, sizes, 1, 0, &l->burst) < 0 || !l->burst)
    return rules_wrong(error, "burst: `%.*s` is not a number of 1 or more", word_shown(w), w->s);
  return 0;
}

static int scan_delay(word const *w, rule *r, char *error)
{
  uint64_t ms;

  if (span_scan(w, &ms) < 0 || !ms || ms > LIMIT_DELAY_MAX)
    return rules_wrong(error, "delay: `%.*s` is not a time of 1ms to 1h", word_shown(w), w->s);
  r->limits[0].delay = (uint32_t)ms;
  return 0;
}

static int absurd(word const *w)
{
  size_t run = 0;

  for (size_t i = 0; i < w->n && run <= 18; i++) run = isdigit((unsigned char)w->s[i]) ? run + 1 : 0;
  return run > 18;
}

static int scan_option(word const *w, char const **s, size_t *n, rule *r, char *error)
{
  static struct
  {
    char const *name;
    int (*scan)(word const *, rule *, char *);
  } const valued[] = {
      {"burst", &scan_burst}, {"penalty", &scan_penalty}, {"group", &scan_group}, {"delay", &scan_delay}};
  word value;

  unsigned int *flags = &r->limits[0].flags;

  if (word_is(w, "strict"))
    *flags = (*flags & ~(unsigned int)LIMIT_FORGIVING) | LIMIT_STRICT;
  else if (word_is(w, "leaky"))
    *flags &= ~(unsigned int)(LIMIT_STRICT | LIMIT_FORGIVING);
  else if (word_is(w, "forgiving"))
    *flags = (*flags & ~(unsigned int)LIMIT_STRICT) | LIMIT_FORGIVING;
  else if (word_is(w, "observe"))
    *flags |= LIMIT_OBSERVE;
  else if (word_is(w, "shared"))
    *flags |= LIMIT_SHARED;
  else if (word_is(w, "local"))
    *flags &= ~(unsigned int)LIMIT_SHARED;
  else
  {
    for (unsigned int i = 0; i < sizeof valued / sizeof valued[0]; i++)
      if (word_is(w, valued[i].name))
      {
        if (!word_next(s, n, &value)) return rules_wrong(error, "%s: its value is missing", valued[i].name);
        if (absurd(&value))
          return rules_wrong(error, "%s: `%.*s`: a number has 18 digits at most", valued[i].name,
                             word_shown(&value), value.s);
        return (*valued[i].scan)(&value, r, error);
      }
    return rules_wrong(
        error,
        "`%.*s` is none of burst, strict, leaky, forgiving, observe, shared, local, penalty, delay, "
        "group",
        word_shown(w), w->s);
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
      return rules_wrong(error, "pattern: `%.*s` has bits set behind its prefix", word_shown(w), w->s);
    return 0;
  }
  why = glob_wrong(w->s, w->n);
  return why ? rules_wrong(error, "pattern: `%.*s` %s", word_shown(w), w->s, why) : 0;
}

/* What Redis can do, with integers below 2^53, and a share of it here. */
static int check_shared(rule const *r, char *error)
{
  limit const *l = &r->limits[0];

  if (!(l->flags & LIMIT_SHARED)) return 0;
  if (r->windows > 1 || l->flags & LIMIT_FORGIVING || l->penalty || l->delay)
    return rules_wrong(error, "shared is for one limit, without forgiving, penalty and delay");
  if (l->count > l->period * 100ull) return rules_wrong(error, "shared: more than 100 a millisecond");
  if ((unsigned __int128)l->burst * l->period * 1000 / l->count > (uint64_t)1 << 50 ||
      (unsigned __int128)(l->burst + l->count) * l->period > LIMIT_PARTS_MAX / 100)
    return rules_wrong(error, "shared: too large (burst, at this rate, takes more than 35 years)");
  return 0;
}

/* What was said once holds for all windows of the rule. */
static int finish_limits(rule *r, char *error)
{
  for (unsigned int i = 0; i < r->windows; i++)
  {
    limit *l = &r->limits[i];
    l->flags = r->limits[0].flags;
    l->penalty = r->limits[0].penalty;
    l->delay = r->limits[0].delay;
    if (l->flags & LIMIT_UNLIMITED)
      return r->windows > 1 ? rules_wrong(error, "unlimited takes no other limit") : 0;
    if (l->flags & LIMIT_FORGIVING && (l->burst != l->count || l->delay))
      return rules_wrong(error, "forgiving takes neither burst nor delay");
    if (l->flags & LIMIT_FORGIVING && l->period / 1000 + l->penalty > LIMIT_PENALTY_MAX)
      return rules_wrong(error, "forgiving: PERIOD and penalty are more than 48d together");
    if (l->burst > LIMIT_PARTS_MAX || l->count > LIMIT_PARTS_MAX ||
        (unsigned __int128)(l->burst + l->count) * l->period + (unsigned __int128)l->count * l->delay >
            LIMIT_PARTS_MAX)
      return rules_wrong(error,
                         "limit: too large (COUNT plus burst, times the PERIOD in ms, is more than 2^62)");
  }
  return 0;
}

static int is_rate(word const *w)
{
  return w->n && isdigit((unsigned char)w->s[0]) && memchr(w->s, '/', w->n);
}

int rule_scan(char const *s, size_t n, rule *r, char *error)
{
  word pattern, w;

  if (!word_next(&s, &n, &pattern)) return rules_wrong(error, "pattern: missing (write * for any value)");
  if (scan_pattern(&pattern, r, error) < 0) return -1;
  if (!word_next(&s, &n, &w)) return rules_wrong(error, "limit: missing (write COUNT/PERIOD, such as 10/1h)");
  if (absurd(&w))
    return rules_wrong(error, "limit: `%.*s`: a number has 18 digits at most", word_shown(&w), w.s);
  if (scan_rate(&w, r, error) < 0) return -1;
  while (word_next(&s, &n, &w))
  {
    if (absurd(&w)) return rules_wrong(error, "`%.*s`: a number has 18 digits at most", word_shown(&w), w.s);
    if (r->limits[0].flags & LIMIT_UNLIMITED) return rules_wrong(error, "unlimited takes no options");
    if (is_rate(&w) ? scan_rate(&w, r, error) < 0 : scan_option(&w, &s, &n, r, error) < 0) return -1;
  }
  if (finish_limits(r, error) < 0 || check_shared(r, error) < 0) return -1;
  r->pattern = strndup(pattern.s, pattern.n);
  r->len = pattern.n;
  for (size_t i = 0; r->pattern && i < r->len; i++)
    r->pattern[i] = (char)tolower((unsigned char)r->pattern[i]);
  r->any = word_is(&pattern, "*");
  return r->pattern ? 0 : -1;
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
  limit const *l = &r->limits[0];
  unsigned int most = r->family == 4 ? 32 : 128;

  return (!(l->flags & LIMIT_STRICT) || stralloc_cats(sa, " strict")) &&
         (!(l->flags & LIMIT_FORGIVING) || stralloc_cats(sa, " forgiving")) &&
         (!(l->flags & LIMIT_OBSERVE) || stralloc_cats(sa, " observe")) &&
         (!(l->flags & LIMIT_SHARED) || stralloc_cats(sa, " shared")) &&
         (!l->penalty || cat_time(sa, " penalty ", l->penalty * 1000ull)) &&
         (!l->delay || cat_time(sa, " delay ", l->delay)) &&
         (!r->family || r->group == most || cat_number(sa, " group /", r->group, ""));
}

int rule_fmt(rule const *r, stralloc *sa)
{
  if (!stralloc_cats(sa, r->pattern)) return -1;
  if (r->limits[0].flags & LIMIT_UNLIMITED) return stralloc_cats(sa, " unlimited") ? 0 : -1;
  for (unsigned int i = 0; i < r->windows; i++)
  {
    limit const *l = &r->limits[i];
    if (!cat_number(sa, " ", l->count, "/") || !cat_time(sa, "", l->period) ||
        (l->burst != l->count && !cat_number(sa, " burst ", l->burst, "")))
      return -1;
  }
  return cat_options(r, sa) ? 0 : -1;
}
