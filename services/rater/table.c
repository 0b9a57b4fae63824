#include <string.h>

#include "table.h"

#define barrier() __atomic_signal_fence(__ATOMIC_SEQ_CST)

uint64_t table_hash(table const *t, uint64_t seed, char const *s, size_t n)
{
  uint64_t h = siphash13(t->header->key, seed, s, n);
  return h ? h : 1;
}

static set *first_set(table const *t, uint64_t hash)
{
  return t->sets + ((hash & UINT32_MAX) * t->header->sets >> 32);
}

static set *second_set(table const *t, uint64_t hash)
{
  return t->sets + ((hash >> 32) * t->header->sets >> 32);
}

static int set_find(set const *s, uint64_t hash)
{
  for (int i = 0; i < TABLE_WAYS; i++)
    if (s->hashes[i] == hash) return i;
  return -1;
}

/* The key's set and its place there; -1: it has none, and *in is its second set. */
static int locate(table const *t, uint64_t hash, set **in)
{
  int i;

  *in = first_set(t, hash);
  i = set_find(*in, hash);
  if (i >= 0) return i;
  *in = second_set(t, hash);
  return set_find(*in, hash);
}

place *table_find(table *t, uint64_t hash)
{
  set *s;
  int i = locate(t, hash, &s);

  return i < 0 ? 0 : &s->places[i];
}

uint64_t place_hash(table const *t, place const *p)
{
  size_t offset = (size_t)((char const *)p - (char const *)t->sets);
  set const *s = t->sets + offset / sizeof(set);
  return s->hashes[p - s->places];
}

void table_prefetch(table const *t, uint64_t hash)
{
  __builtin_prefetch(first_set(t, hash)->hashes);
}

place *table_expect(table *t, uint64_t hash)
{
  set *s = first_set(t, hash);
  int i = set_find(s, hash);

  if (i < 0)
  {
    __builtin_prefetch(second_set(t, hash)->hashes);
    return 0;
  }
  __builtin_prefetch(&s->places[i]);
  return &s->places[i];
}

/*
 * The set's place to give to a new key: a free one, else the one that is empty soonest. *until: when, 0: free;
 * *taken: how many of the set's buckets are not empty.
 */
static int set_victim(set const *s, uint32_t now, uint32_t *until, unsigned int *taken)
{
  int best = 0;

  *until = UINT32_MAX;
  *taken = 0;
  for (int i = 0; i < TABLE_WAYS; i++)
  {
    uint32_t u = s->hashes[i] ? s->places[i].until : 0;
    *taken += u > now;
    if (u < *until) *until = u, best = i;
  }
  return best;
}

static place *settle(table *t, set *s, int i, uint64_t hash, uint32_t now)
{
  if (!s->hashes[i])
    t->header->keys++;
  else if (s->places[i].until > now)
    t->header->evictions++;
  s->hashes[i] = 0;
  barrier();
  memset(&s->places[i], 0, sizeof s->places[i]);
  barrier();
  s->hashes[i] = hash;
  return &s->places[i];
}

/* With this many keys a set is filled on from the other one: measured, so that a full table evicts 3 in 100000. */
#define FIRST_ENOUGH 4

place *table_take(table *t, uint64_t hash, uint32_t now)
{
  set *a = first_set(t, hash), *b;
  uint32_t ua, ub;
  unsigned int na, nb;
  int ia, ib;
  int i = locate(t, hash, &b);

  if (i >= 0) return &b->places[i];
  ia = set_victim(a, now, &ua, &na);
  ib = set_victim(b, now, &ub, &nb);
  /*
   * The first set while it has room to spare, so that most keys are found at the first look; then the emptier,
   * so that the sets fill evenly; of two full ones, the bucket that is empty sooner.
   */
  if (na < FIRST_ENOUGH || na < nb || (na == nb && ua <= ub)) return settle(t, a, ia, hash, now);
  return settle(t, b, ib, hash, now);
}

static void set_free(table *t, set *s, int i)
{
  s->hashes[i] = 0;
  if (t->header->keys) t->header->keys--;
}

int table_forget(table *t, uint64_t hash)
{
  set *s;
  int i = locate(t, hash, &s);

  if (i < 0) return 0;
  set_free(t, s, i);
  return 1;
}

void table_sweep(table *t, unsigned int n, uint32_t now)
{
  for (; n; n--)
  {
    set *s = t->sets + t->sweep;
    for (int i = 0; i < TABLE_WAYS; i++)
      if (s->hashes[i] && s->places[i].until <= now) set_free(t, s, i);
    if (++t->sweep >= t->header->sets) t->sweep = 0;
  }
}

uint64_t table_room(table const *t)
{
  return t->header->sets * TABLE_LOAD;
}

#define LAST_BITS    40 /* 34 years of ms */
#define FLAG_BITS    2
#define PENALTY_BITS 22
#define LOW(n)       (((uint64_t)1 << (n)) - 1)

void place_get(place const *p, bucket *b)
{
  uint32_t penalty = (uint32_t)(p->when >> (LAST_BITS + FLAG_BITS));

  b->level = p->level;
  b->last = p->when & LOW(LAST_BITS);
  b->flags = p->when >> LAST_BITS & LOW(FLAG_BITS);
  b->period = p->period;
  b->penalty = penalty ? (uint32_t)(b->last / 1000) + penalty : 0;
  b->until = p->until;
}

static uint64_t when_of(bucket const *b)
{
  uint64_t s = b->last / 1000;
  uint64_t penalty = b->penalty > s ? b->penalty - s : 0;

  if (penalty > LOW(PENALTY_BITS)) penalty = LOW(PENALTY_BITS);
  return (b->last & LOW(LAST_BITS)) | (uint64_t)b->flags << LAST_BITS | penalty << (LAST_BITS + FLAG_BITS);
}

/*
 * First the time: a bucket that has not drained yet is fuller than it should be. Then, of level and
 * period, the one that makes the quotient larger.
 */
void place_put(place *p, bucket const *b)
{
  p->until = b->until;
  barrier();
  p->when = when_of(b);
  barrier();
  if (b->period <= p->period)
  {
    p->period = b->period;
    barrier();
    p->level = b->level;
    return;
  }
  p->level = b->level;
  barrier();
  p->period = b->period;
}
