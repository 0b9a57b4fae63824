#include <string.h>

#include <skalibs/types.h>

#include "engine-internal.h"

/* A window is a bucket that holds nothing but the time of its penalty. */

static int put_window(uint32_t seconds, stralloc *out)
{
  char s[UINT32_FMT];

  if (!seconds) return stralloc_cats(out, "1 0/1 -\r\n") ? 0 : -1;
  return stralloc_cats(out, "0 1/1 ") && stralloc_catb(out, s, uint32_fmt(s, seconds)) &&
                 stralloc_cats(out, "\r\n")
             ? 0
             : -1;
}

static uint32_t seconds_left(engine const *e, bucket const *b)
{
  uint32_t now = (uint32_t)(e->now / 1000);

  return b->penalty > now ? b->penalty - now : 0;
}

int engine_window(engine *e, uint64_t hash, stralloc *out)
{
  place *p = hash ? table_find(&e->table, hash) : 0;
  bucket b = BUCKET_ZERO;

  if (p) place_get(p, &b);
  return put_window(seconds_left(e, &b), out);
}

int engine_open(engine *e, question const *w, stralloc *out)
{
  bucket b = BUCKET_ZERO;
  uint64_t most, seconds = w->request.number;
  place *p;

  if (!w->hash) return put_window(0, out);
  most = w->subject.rule->limits[0].period / 1000;
  if (most > LIMIT_PENALTY_MAX) most = LIMIT_PENALTY_MAX;
  if (seconds > most) seconds = most;
  p = table_find(&e->table, w->hash);
  if (p) place_get(p, &b);
  if (seconds_left(e, &b) < seconds)
  {
    b.last = e->now;
    b.period = w->subject.rule->limits[0].period;
    b.penalty = b.until = (uint32_t)(e->now / 1000 + seconds);
    p = table_take(&e->table, w->hash, (uint32_t)(e->now / 1000));
    place_put(p, &b);
  }
  return put_window(seconds_left(e, &b), out);
}
