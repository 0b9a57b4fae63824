#include <string.h>

#include <skalibs/types.h>

#include <runlib/utf8.h>

#include "engine-internal.h"

int report_number(stralloc *sa, char const *name, uint64_t u)
{
  char fmt[UINT64_FMT];
  size_t n = uint64_fmt(fmt, u);

  return stralloc_cats(sa, sa->len && sa->s[sa->len - 1] == '{' ? "\"" : ",\"") && stralloc_cats(sa, name) &&
                 stralloc_cats(sa, "\":") && stralloc_catb(sa, fmt, n)
             ? 0
             : -1;
}

int report_string(stralloc *sa, char const *s, size_t n)
{
  static char const hex[] = "0123456789abcdef";

  if (!stralloc_readyplus(sa, n * 6 + 2)) return -1;
  stralloc_catb(sa, "\"", 1);
  while (n)
  {
    unsigned char c = (unsigned char)*s;
    size_t len = utf8_length(s, n);
    char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    if (c == '"' || c == '\\')
    {
      stralloc_catb(sa, "\\", 1);
      stralloc_catb(sa, s, 1);
    }
    else if (!len || c < 0x20 || c == 0x7f)
      stralloc_catb(sa, escape, 6);
    else
      stralloc_catb(sa, s, len);
    len += !len;
    s += len;
    n -= len;
  }
  stralloc_catb(sa, "\"", 1);
  return 0;
}

static int offender_json(engine const *e, class const *c, offender const *o, stralloc *out)
{
  uint32_t now = (uint32_t)(e->now / 1000);
  if (!stralloc_cats(out, "{\"class\":") || report_string(out, c->name, c->len) < 0 ||
      !stralloc_cats(out, ",\"value\":") || report_string(out, o->name, o->len) < 0 ||
      report_number(out, "refusals", o->refusals) < 0 ||
      report_number(out, "seconds_ago", now > o->last ? now - o->last : 0) < 0)
    return -1;
  return stralloc_cats(out, "}") ? 0 : -1;
}

/* The next worst offender that is not in taken; 0 when there is none left. */
static offender const *next_worst(board const *b, uint32_t *taken)
{
  offender const *worst = 0;

  for (unsigned int i = 0; i < OFFENDERS; i++)
    if (b->offenders[i].hash && !(*taken >> i & 1) && (!worst || b->offenders[i].refusals > worst->refusals))
      worst = &b->offenders[i];
  if (worst) *taken |= (uint32_t)1 << (worst - b->offenders);
  return worst;
}

static int class_top(engine const *e, class const *c, uint64_t most, int *first, stralloc *out)
{
  uint32_t taken = 0;
  offender const *o;

  if (c->board < 0) return 0;
  while (most-- && (o = next_worst(&e->table.boards[c->board], &taken)))
  {
    if (!*first && !stralloc_catb(out, ",", 1)) return -1;
    *first = 0;
    if (offender_json(e, c, o, out) < 0) return -1;
  }
  return 0;
}

static int put_top(engine const *e, char const *name, size_t len, uint64_t most, stralloc *out)
{
  int first = 1;

  if (!stralloc_cats(out, "\"top\":[")) return -1;
  for (unsigned int i = 0; i < e->rules->n; i++)
  {
    class const *c = &e->rules->classes[i];
    if (len && (c->len != len || memcmp(c->name, name, len))) continue;
    if (class_top(e, c, most, &first, out) < 0) return -1;
  }
  return stralloc_catb(out, "]", 1) ? 0 : -1;
}

int report_top(engine *e, request const *q, stralloc *out)
{
  if (!stralloc_cats(out, "0 {") || put_top(e, q->class, q->class_len, q->number, out) < 0) return -1;
  return stralloc_cats(out, "}\r\n") ? 0 : -1;
}

/* In how many microseconds the given share (in thousandths) of all checks was answered. */
static uint64_t latency_of(header const *h, uint64_t share)
{
  unsigned __int128 total = 0, sum = 0;
  uint64_t us;

  for (unsigned int i = 0; i < LATENCIES; i++) total += h->latency[i];
  if (!total) return 0;
  for (unsigned int i = 0; i < LATENCIES; i++)
  {
    sum += h->latency[i];
    if (sum * 1000 < total * share) continue;
    us = (uint64_t)1 << i;
    return us < h->latency_max || i == LATENCIES - 1 ? us : h->latency_max;
  }
  return h->latency_max;
}

static int class_json(engine const *e, class const *c, stralloc *out)
{
  static board const none = {.class = 0};
  board const *b = c->board < 0 ? &none : &e->table.boards[c->board];

  if (!stralloc_cats(out, "{\"class\":") || report_string(out, c->name, c->len) < 0 ||
      report_number(out, "checks", b->checks) < 0 || report_number(out, "refusals", b->refusals) < 0 ||
      report_number(out, "observed", b->observed) < 0)
    return -1;
  return stralloc_cats(out, "}") ? 0 : -1;
}

static uint64_t last_minute(engine const *e)
{
  return (uint64_t)(counter_rate_read(e->minutes[0], e->minutes[1], e->now / 1000) + 0.5);
}

static int put_totals(engine const *e, stralloc *out)
{
  header const *h = e->table.header;
  uint64_t checks = h->unmatched, refusals = 0;

  for (unsigned int i = 0; i < BOARDS; i++)
  {
    checks += e->table.boards[i].checks;
    refusals += e->table.boards[i].refusals;
  }
  return report_number(out, "uptime", (e->now - e->started) / 1000) < 0 ||
                 report_number(out, "checks", checks) < 0 ||
                 report_number(out, "checks_last_minute", last_minute(e)) < 0 ||
                 report_number(out, "refusals", refusals) < 0 ||
                 report_number(out, "errors", h->errors) < 0 || report_number(out, "keys", h->keys) < 0 ||
                 report_number(out, "room", table_room(&e->table)) < 0 ||
                 report_number(out, "evictions", h->evictions) < 0 ||
                 report_number(out, "bytes", e->table.size) < 0 ||
                 report_number(out, "clients", e->clients) < 0 ||
                 report_number(out, "latency_p50_us", latency_of(h, 500)) < 0 ||
                 report_number(out, "latency_p99_us", latency_of(h, 990)) < 0 ||
                 report_number(out, "latency_max_us", h->latency_max) < 0
             ? -1
             : 0;
}

/* Of a raterd that shares limits. */
static int put_shared(engine const *e, stralloc *out)
{
  shared_stats n;

  if (!e->shared) return 0;
  shared_count(e->shared, &n);
  return report_number(out, "shared_asked", n.asked) < 0 || report_number(out, "shared_late", n.late) < 0 ||
                 report_number(out, "shared_cached", n.cached) < 0 ||
                 report_number(out, "shared_owed", n.owed) < 0 ||
                 report_number(out, "shared_away", n.away) < 0
             ? -1
             : 0;
}

#define STATS_TOP 3 /* offenders of a class in the statistics */

int report_stats(engine *e, unsigned int may, stralloc *out)
{
  if (!stralloc_cats(out, "0 {") || put_totals(e, out) < 0 || put_shared(e, out) < 0 ||
      !stralloc_cats(out, ",\"classes\":["))
    return -1;
  for (unsigned int i = 0; i < e->rules->n; i++)
    if ((i && !stralloc_catb(out, ",", 1)) || class_json(e, &e->rules->classes[i], out) < 0) return -1;
  if (!stralloc_catb(out, "]", 1)) return -1;
  if (may & ASKER_OWNER && (!stralloc_catb(out, ",", 1) || put_top(e, 0, 0, STATS_TOP, out) < 0)) return -1;
  return stralloc_cats(out, "}\r\n") ? 0 : -1;
}

static int class_limits(class const *c, stralloc *out)
{
  static stralloc line = STRALLOC_ZERO;
  rule const *r = genalloc_s(rule, &c->rules);

  if (!stralloc_cats(out, "{\"class\":") || report_string(out, c->name, c->len) < 0 ||
      !stralloc_cats(out, ",\"rules\":["))
    return -1;
  for (size_t n = genalloc_len(rule, &c->rules), i = 0; i < n; i++)
  {
    line.len = 0;
    if ((i && !stralloc_catb(out, ",", 1)) || rule_fmt(&r[i], &line) < 0 ||
        report_string(out, line.s, line.len) < 0)
      return -1;
  }
  return stralloc_cats(out, "]}") ? 0 : -1;
}

int report_limits(engine *e, request const *q, stralloc *out)
{
  int first = 1;

  if (!stralloc_cats(out, "0 {\"limits\":[")) return -1;
  for (unsigned int i = 0; i < e->rules->n; i++)
  {
    class const *c = &e->rules->classes[i];
    if (q->class_len && (c->len != q->class_len || memcmp(c->name, q->class, c->len))) continue;
    if ((!first && !stralloc_catb(out, ",", 1)) || class_limits(c, out) < 0) return -1;
    first = 0;
  }
  return stralloc_cats(out, "]}\r\n") ? 0 : -1;
}
