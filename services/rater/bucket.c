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

/* What is admitted at once: what drains within delay is in it. */
static uint64_t room_of(limit const *l)
{
  return l->burst * l->period + l->count * l->delay;
}

/*
 * The most that a bucket holds. Strict counting stops here, so that whoever keeps quiet for one PERIOD
 * is let in again; a lowered limit forgives down to here, for the same reason.
 */
static uint64_t level_max(limit const *l)
{
  return room_of(l) + (l->count - 1) * l->period;
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
  if (l->flags & LIMIT_FORGIVING)
  {
    /* last is when the first request came, of those that count together */
    if (b->level && now - b->last < l->period) return;
    b->level = 0;
    b->last = now;
    return;
  }
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

/* When as many parts will have left, which are in it. */
static uint64_t drained(bucket const *b, limit const *l, uint64_t parts)
{
  return b->last + (l->flags & LIMIT_FORGIVING ? (parts ? l->period : 0) : div_up(parts, l->count));
}

/* Seconds until cost more parts fit. */
static uint32_t retry(bucket const *b, limit const *l, uint64_t now, uint64_t cost)
{
  uint64_t room = room_of(l);
  uint64_t full = add_sat(b->level, cost);
  uint64_t ms = 0;

  if (cost > room) return VERDICT_NEVER;
  if (full > room) ms = drained(b, l, full - room) - now;
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
  b->until = seconds(drained(b, l, b->level));
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
  v->refused = already || add_sat(b->level, cost) > room_of(l);
  v->retry = v->delay = 0;
  if (v->refused)
  {
    refuse(b, l, now, cost, already);
    v->retry = retry(b, l, now, cost);
  }
  else
  {
    b->level += cost;
    if (b->level > l->burst * l->period)
      v->delay = seconds(div_up(b->level - l->burst * l->period, l->count));
    b->flags &= ~(unsigned int)BUCKET_OVER;
  }
  set_until(b, l);
}

void bucket_peek(bucket *b, limit const *l, uint64_t now, verdict *v)
{
  rescale(b, l);
  drain(b, l, now);
  v->refused = in_penalty(b, l, now) || b->level + l->period > room_of(l);
  v->delay = 0;
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
