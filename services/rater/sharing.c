#include <string.h>

#include "engine-internal.h"

/* Which questions are Redis's, what they are called there, and what becomes of them without it. */

int question_is_shared(engine const *e, question const *w)
{
  return e->shared && !w->wrong && w->hash && !w->class->window &&
         w->subject.rule->limits[0].flags & LIMIT_SHARED;
}

limit engine_share_of(engine const *e, limit const *l)
{
  limit share = *l;
  uint64_t period = l->period * 100ull / e->share;

  share.period = (uint32_t)(period > LIMIT_PERIOD_MAX ? LIMIT_PERIOD_MAX : period);
  share.burst = l->burst * e->share / 100;
  if (!share.burst) share.burst = 1;
  return share;
}

static shared_way way_of(question const *w, limit const *l)
{
  switch (w->request.verb)
  {
    case VERB_PEEK: return SHARED_PEEK;
    case VERB_RESET: return SHARED_RESET;
    case VERB_UNDO: return SHARED_UNDO;
    default: return l->flags & LIMIT_STRICT ? SHARED_STRICT : SHARED_CHECK;
  }
}

#define NAME_MAX_HERE (8 + CLASS_NAME_MAX + VALUE_ROOM(REQUEST_MAX))

/* `rater:CLASS:VALUE`, the value as raterd shows it. */
static shared_question question_of(question const *w, uint64_t hash, subject const *s,
                                   char name[NAME_MAX_HERE])
{
  char text[VALUE_ROOM(REQUEST_MAX)];
  size_t len = value_canonical(text, w->request.value, w->request.value_len), n = 6;

  memcpy(name, "rater:", n);
  memcpy(name + n, w->class->name, w->class->len);
  n += w->class->len;
  name[n++] = ':';
  n += subject_name(s, text, len, name + n, VALUE_ROOM(REQUEST_MAX));
  return (shared_question){.hash = hash,
                           .name = name,
                           .len = n,
                           .limit = &s->rule->limits[0],
                           .quantity = w->request.number,
                           .way = way_of(w, &s->rule->limits[0])};
}

int engine_share(engine *e, question *w)
{
  char name[NAME_MAX_HERE];
  shared_question q;
  subject s;
  uint64_t hash = w->hash;

  if (!e->shared || w->wrong || w->request.verb > VERB_RESET || w->class->window) return 0;
  if (hash)
    s = w->subject;
  else
    hash = w->request.verb >= VERB_PEEK ? engine_key(e, w, 1, &s) : 0;
  if (!hash || !(s.rule->limits[0].flags & LIMIT_SHARED)) return 0;
  q = question_of(w, hash, &s, name);
  switch (shared_ask(e->shared, &q, w, e->now, &w->verdict))
  {
    case SHARED_WAITS: return 1;
    case SHARED_DECIDED: w->decided = 2; break;
    case SHARED_AWAY: break;
  }
  return 0;
}

void engine_owe(engine *e, question const *w)
{
  char name[NAME_MAX_HERE];
  shared_question q = question_of(w, w->hash, &w->subject, name);

  if (e->shared) shared_owe(e->shared, &q);
}
