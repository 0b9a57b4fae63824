#include "bucket.h"

static uint64_t add_sat(uint64_t a, uint64_t b)
{
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t mul_sat(uint64_t a, uint64_t b)
{
  unsigned __int128 x = (unsigned __int128)a * b;
  return x > UINT64_MAX ? UINT64_MAX : (uint64_t)x;
}

static uint64_t div_up(uint64_t a, uint64_t b)
{
  return a / b + !!(a % b);
}

/*
 * The most that a bucket holds. Strict counting stops here, so that whoever keeps quiet for one PERIOD
 * is let in again; a lowered limit forgives down to here, for the same reason.
 */
static uint64_t level_max(limit const *l)
{
  return (l->burst + l->count - 1) * l->period;
}

/* A request is as many parts as the period has milliseconds: another period, other parts. */
static void rescale(bucket *b, limit const *l)
{
  if (b->period != l->period && b->period)
  {
    unsigned __int128 x = ((unsigned __int128)b->level * l->period + b->period - 1) / b->period;
    b->level = x > UINT64_MAX ? UINT64_MAX : (uint64_t)x;
  }
  b->period = l->period;
  if (b->level > level_max(l)) b->level = level_max(l);
}

static void drain(bucket *b, limit const *l, uint64_t now)
{
  uint64_t parts;

  if (now <= b->last) return;
  parts = mul_sat(l->count, now - b->last);
  b->level = b->level > parts ? b->level - parts : 0;
  b->last = now;
}

static int in_penalty(bucket *b, limit const *l, uint64_t now)
{
  uint32_t s = (uint32_t)(now / 1000);

  if (!l->penalty || b->penalty <= s) b->penalty = 0;
  if (b->penalty && b->penalty - s > l->penalty + 1ul) b->penalty = s + l->penalty;
  return !!b->penalty;
}

static uint32_t seconds(uint64_t ms)
{
  uint64_t s = div_up(ms, 1000);
  return s >= VERDICT_NEVER ? VERDICT_NEVER - 1 : (uint32_t)s;
}

/* Seconds until cost more parts fit. */
static uint32_t retry(bucket const *b, limit const *l, uint64_t now, uint64_t cost)
{
  uint64_t room = l->burst * l->period;
  uint64_t full = add_sat(b->level, cost);
  uint64_t ms = 0;

  if (cost > room) return VERDICT_NEVER;
  if (full > room) ms = div_up(full - room, l->count);
  if (b->penalty * 1000ull > now && b->penalty * 1000ull - now > ms) ms = b->penalty * 1000ull - now;
  return seconds(ms);
}

static void refuse(bucket *b, limit const *l, uint64_t now, uint64_t cost, int already)
{
  if (l->flags & LIMIT_STRICT)
  {
    b->level = add_sat(b->level, cost);
    if (b->level > level_max(l)) b->level = level_max(l);
  }
  if (l->penalty && !already) b->penalty = seconds(now) + l->penalty;
  b->flags |= BUCKET_OVER;
}

static void set_until(bucket *b, limit const *l)
{
  b->until = seconds(b->last + div_up(b->level, l->count));
  if (b->until < b->penalty) b->until = b->penalty;
}

void bucket_step(bucket *b, limit const *l, uint64_t now, uint64_t quantity, verdict *v)
{
  uint64_t cost = mul_sat(quantity, l->period);
  int already;

  rescale(b, l);
  drain(b, l, now);
  already = in_penalty(b, l, now);
  v->n = add_sat(div_up(b->level, l->period), quantity);
  v->refused = already || add_sat(b->level, cost) > l->burst * l->period;
  v->retry = 0;
  if (v->refused)
  {
    refuse(b, l, now, cost, already);
    v->retry = retry(b, l, now, cost);
  }
  else
  {
    b->level += cost;
    b->flags &= ~(unsigned int)BUCKET_OVER;
  }
  set_until(b, l);
}

void bucket_peek(bucket *b, limit const *l, uint64_t now, verdict *v)
{
  rescale(b, l);
  drain(b, l, now);
  v->refused = in_penalty(b, l, now) || b->level + l->period > l->burst * l->period;
  v->n = div_up(b->level, l->period);
  v->retry = v->refused ? retry(b, l, now, l->period) : 0;
  set_until(b, l);
}

void bucket_undo(bucket *b, limit const *l, uint64_t now, uint64_t quantity)
{
  uint64_t parts = mul_sat(quantity, l->period);

  rescale(b, l);
  drain(b, l, now);
  b->level = b->level > parts ? b->level - parts : 0;
  set_until(b, l);
}
