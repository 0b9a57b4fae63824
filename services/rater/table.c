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

/* Empties a place; an eviction, if its bucket still counts at now. */
static void vacate(table *t, set *s, int i, uint32_t now)
{
  if (!s->hashes[i]) return;
  if (s->places[i].until > now) t->header->evictions++;
  if (t->header->keys) t->header->keys--;
  s->hashes[i] = 0;
  barrier();
}

static place *settle(table *t, set *s, int i, uint64_t hash, uint32_t now)
{
  vacate(t, s, i, now);
  memset(&s->places[i], 0, sizeof s->places[i]);
  barrier();
  s->hashes[i] = hash;
  t->header->keys++;
  return &s->places[i];
}

/* A kill in between leaves the key twice, and the same: the one in its first set is found. */
static void move(set *to, int j, set *from, int i)
{
  to->places[j] = from->places[i];
  barrier();
  to->hashes[j] = from->hashes[i];
  barrier();
  from->hashes[i] = 0;
}

static set *other_set(table const *t, uint64_t hash, set const *s)
{
  set *first = first_set(t, hash);
  return first == s ? second_set(t, hash) : first;
}

static void prefetch(set const *s)
{
  __builtin_prefetch(s->hashes);
  for (size_t at = 0; at < sizeof s->places; at += 64) __builtin_prefetch((char const *)s->places + at);
}

/*
 * Room for a new key whose sets, s[0] and s[1], are full of keys that still count. Each of those has another set,
 * to which it can move: of all places there and here, the one that is empty soonest is given up.
 */
static place *make_room(table *t, set *const s[2], uint64_t hash, uint32_t now)
{
  uint32_t best, until;
  unsigned int taken;
  set *from = s[0], *to = 0, *other;
  int i = set_victim(s[0], now, &best, &taken), j = set_victim(s[1], now, &until, &taken);

  if (until < best) best = until, from = s[1], i = j;
  for (int k = 0; k < 2 * TABLE_WAYS; k++)
    prefetch(other_set(t, s[k / TABLE_WAYS]->hashes[k % TABLE_WAYS], s[k / TABLE_WAYS]));
  for (int k = 0; k < 2 * TABLE_WAYS && best > now; k++)
  {
    other = other_set(t, s[k / TABLE_WAYS]->hashes[k % TABLE_WAYS], s[k / TABLE_WAYS]);
    int victim = set_victim(other, now, &until, &taken);
    if (until >= best) continue;
    best = until;
    from = s[k / TABLE_WAYS], i = k % TABLE_WAYS;
    to = other, j = victim;
  }
  if (!to) return settle(t, from, i, hash, now);
  vacate(t, to, j, now);
  move(to, j, from, i);
  return settle(t, from, i, hash, now);
}

/* With this many keys a set is filled on from the other one; 78 % of a full table's are in their first then. */
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
  if (na == TABLE_WAYS && nb == TABLE_WAYS) return make_room(t, (set *const[2]){a, b}, hash, now);
  /*
   * The first set while it has room to spare, so that most keys are found at the first look; then the emptier,
   * so that the sets fill evenly.
   */
  return na < FIRST_ENOUGH || na <= nb ? settle(t, a, ia, hash, now) : settle(t, b, ib, hash, now);
}

int table_forget(table *t, uint64_t hash)
{
  set *s;
  int i, had = 0;

  while ((i = locate(t, hash, &s)) >= 0)
  {
    vacate(t, s, i, UINT32_MAX);
    had = 1;
  }
  return had;
}

void table_sweep(table *t, unsigned int n, uint32_t now)
{
  for (; n; n--)
  {
    set *s = t->sets + t->sweep;
    for (int i = 0; i < TABLE_WAYS; i++)
      if (s->places[i].until <= now) vacate(t, s, i, now);
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
