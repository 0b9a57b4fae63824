#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include <skalibs/types.h>

#include "shared-internal.h"

#define OUT_MOST (1u << 20)

int shared_put(shared *s, int argc, char const **argv, size_t const *len)
{
  char *text = 0;
  int n = redisFormatCommandArgv(&text, argc, argv, len);
  int ok = n > 0 && s->out.len + (size_t)n < OUT_MOST && stralloc_catb(&s->out, text, (size_t)n);

  redisFreeCommand(text);
  return ok ? 0 : -1;
}

/* A request is as many microseconds as lie between two, rounded up; so all that the script does is done with integers. */
uint64_t shared_interval(limit const *l)
{
  unsigned __int128 us = (unsigned __int128)l->period * 1000;
  return (uint64_t)((us + l->count - 1) / l->count);
}

static int put_question(shared *s, shared_question const *q)
{
  static char const *const ways[] = {"check", "strict", "peek", "undo", "add", "reset"};
  uint64_t interval = shared_interval(q->limit);
  uint64_t room = q->limit->burst * interval;
  char numbers[4][UINT64_FMT];
  char const *argv[8] = {"EVALSHA",  s->script.s, "1",        q->name,
                         numbers[0], numbers[1],  numbers[2], ways[q->way]};
  size_t len[8];

  numbers[0][uint64_fmt(numbers[0], interval)] = 0;
  numbers[1][uint64_fmt(numbers[1], room)] = 0;
  numbers[2][uint64_fmt(numbers[2], q->quantity)] = 0;
  for (unsigned int i = 0; i < 8; i++) len[i] = i == 3 ? q->len : strlen(argv[i]);
  return shared_put(s, 8, argv, len);
}

/* --- questions that wait ---------------------------------------------------------------------------- */

waiting *shared_first(shared *s)
{
  return &s->line[s->head % SHARED_WAITING];
}

void shared_leave(shared *s)
{
  waiting *w = shared_first(s);

  free(w->name);
  w->name = 0;
  s->head++;
}

/* Tells who waits; v 0: it is away. */
void shared_tell(shared *s, waiting *w, verdict const *v)
{
  void *who = w->who;

  w->who = 0;
  if (who) (*s->told)(who, v);
}

void shared_hurry(shared *s)
{
  for (unsigned int i = s->head; i != s->tail; i++)
  {
    waiting *w = &s->line[i % SHARED_WAITING];
    if (w->who) w->late = 1;
    shared_tell(s, w, 0);
  }
}

void shared_forget(shared *s, void *who)
{
  for (unsigned int i = s->head; i != s->tail; i++)
    if (s->line[i % SHARED_WAITING].who == who) s->line[i % SHARED_WAITING].who = 0;
}

int shared_wait(shared *s, shared_question const *q, void *who, uint64_t now)
{
  waiting *w = &s->line[s->tail % SHARED_WAITING];

  if (s->tail - s->head == SHARED_WAITING) return -1;
  memset(w, 0, sizeof *w);
  w->name = malloc(q->len + 1);
  if (!w->name || put_question(s, q) < 0)
  {
    free(w->name);
    return -1;
  }
  memcpy(w->name, q->name, q->len);
  w->question = *q;
  w->question.name = w->name;
  w->limit = *q->limit;
  w->question.limit = &w->limit;
  w->who = who;
  w->due = now + s->timeout;
  s->tail++;
  return 0;
}

/* --- what is refused for a while -------------------------------------------------------------------- */

static int is_cached(shared *s, shared_question const *q, uint64_t now, verdict *v)
{
  refusal const *r = &s->refusals[q->hash % SHARED_REFUSALS];

  if (q->way != SHARED_CHECK || r->hash != q->hash || r->until <= now || q->quantity < r->quantity) return 0;
  *v = r->verdict;
  v->retry = (uint32_t)((r->until - now + 999) / 1000);
  v->n += q->quantity - r->quantity;
  s->cached++;
  return 1;
}

void shared_cache(shared *s, shared_question const *q, verdict const *v, long long ms)
{
  refusal *r = &s->refusals[q->hash % SHARED_REFUSALS];

  if (q->way == SHARED_CHECK && v->refused && ms > 0)
    *r = (refusal){.hash = q->hash, .quantity = q->quantity, .until = s->now + (uint64_t)ms, .verdict = *v};
  else if (q->way >= SHARED_UNDO && r->hash == q->hash)
    r->hash = 0;
}

shared_answer shared_ask(shared *s, shared_question const *q, void *who, uint64_t now, verdict *v)
{
  s->now = now;
  if (is_cached(s, q, now, v)) return SHARED_DECIDED;
  shared_cache(s, q, v, 0); /* what is given back may be admitted */
  if (s->state != REDIS_THERE || shared_wait(s, q, who, now) < 0) return SHARED_AWAY;
  s->asked++;
  return SHARED_WAITS;
}

/* --- what it is still to be told -------------------------------------------------------------------- */

static debt *find_debt(shared *s, uint64_t hash)
{
  debt *d = genalloc_s(debt, &s->debts);

  for (size_t n = genalloc_len(debt, &s->debts); n; n--, d++)
    if (d->hash == hash) return d;
  return 0;
}

void shared_owe(shared *s, shared_question const *q)
{
  debt *d = find_debt(s, q->hash), fresh = {.hash = q->hash, .len = q->len, .limit = *q->limit};

  if (q->way == SHARED_UNDO)
  {
    if (d) d->quantity -= d->quantity < q->quantity ? d->quantity : q->quantity;
    return;
  }
  if (!d && genalloc_len(debt, &s->debts) < SHARED_OWED && (fresh.name = malloc(q->len + 1)))
  {
    memcpy(fresh.name, q->name, q->len);
    if (genalloc_append(debt, &s->debts, &fresh))
      d = genalloc_s(debt, &s->debts) + genalloc_len(debt, &s->debts) - 1;
    else
      free(fresh.name);
  }
  if (d) d->quantity += q->quantity;
}

void shared_pay(shared *s, uint64_t now)
{
  while (genalloc_len(debt, &s->debts))
  {
    debt *d = genalloc_s(debt, &s->debts) + genalloc_len(debt, &s->debts) - 1;
    shared_question const q = {.hash = d->hash,
                               .name = d->name,
                               .len = d->len,
                               .limit = &d->limit,
                               .quantity = d->quantity,
                               .way = SHARED_ADD};
    if (d->quantity && shared_wait(s, &q, 0, now) < 0) return;
    free(d->name);
    genalloc_setlen(debt, &s->debts, genalloc_len(debt, &s->debts) - 1);
  }
}
