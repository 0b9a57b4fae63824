#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/types.h>

#include "engine-internal.h"

/* A class keeps the board it had; a new one takes a free board, else one whose class is no more. */
static int find_board(engine *e, rules const *r, uint64_t hash)
{
  board *b = e->table.boards;
  int spare = -1;

  for (int i = 0; i < BOARDS; i++)
    if (b[i].class == hash) return i;
  for (int i = 0; i < BOARDS && (spare < 0 || b[spare].class); i++)
  {
    unsigned int j = 0;
    while (j < r->n && r->classes[j].hash != b[i].class) j++;
    if (!b[i].class || j == r->n) spare = i;
  }
  if (spare < 0) return -1;
  memset(&b[spare], 0, sizeof b[spare]);
  b[spare].class = hash;
  return spare;
}

void engine_boards(engine *e)
{
  rules *r = e->rules;

  for (unsigned int i = 0; i < r->n; i++)
    r->classes[i].hash = table_hash(&e->table, 0, r->classes[i].name, r->classes[i].len);
  for (unsigned int i = 0; i < r->n; i++) r->classes[i].board = find_board(e, r, r->classes[i].hash);
}

void engine_rules(engine *e, rules *r)
{
  if (e->rules)
  {
    rules_free(e->rules);
    free(e->rules);
  }
  e->rules = r;
  engine_boards(e);
}

void engine_free(engine *e)
{
  if (e->rules)
  {
    rules_free(e->rules);
    free(e->rules);
    e->rules = 0;
  }
  table_close(&e->table);
  blocker_free(&e->blocker);
}

uint64_t engine_key(engine const *e, question const *w, int whole, subject *s)
{
  char text[VALUE_ROOM(REQUEST_MAX)];
  size_t n = value_canonical(text, w->request.value, w->request.value_len);

  class_match(w->class, text, n, whole, s);
  if (!s->rule || s->rule->limits[0].flags & LIMIT_UNLIMITED) return 0;
  return table_hash(&e->table, w->class->hash + !!s->rule->family, s->key, s->len);
}

static size_t put_number(char *s, uint64_t u)
{
  char digits[UINT64_FMT];
  char *end = digits + sizeof digits, *at = end;
  size_t n;

  do *--at = (char)('0' + u % 10);
  while (u /= 10);
  n = (size_t)(end - at);
  memcpy(s, at, n);
  return n;
}

/* `0 n/limit`, and `1 n/limit seconds` where verbs are understood; there `0 n/limit seconds` is a delay. */
static int put_verdict(decision const *d, asker who, stralloc *out)
{
  verdict const *v = &d->verdict;
  limit const *l = d->limit;
  int refused = decision_refused(d);
  char *s;
  size_t n = 0;

  if (!stralloc_readyplus(out, 8 + 3 * UINT64_FMT)) return -1;
  s = out->s + out->len;
  s[n++] = refused ? '1' : '0';
  s[n++] = ' ';
  n += put_number(s + n, v->n);
  s[n++] = '/';
  n += put_number(s + n, l->burst);
  if ((refused || v->delay) && !(who.may & ASKER_TCP))
  {
    s[n++] = ' ';
    if (v->retry == VERDICT_NEVER)
      s[n++] = '-';
    else
      n += put_number(s + n, refused ? v->retry : v->delay);
  }
  s[n++] = '\r';
  s[n++] = '\n';
  out->len += n;
  return 0;
}

static int error(engine *e, char const *message, stralloc *out)
{
  size_t n = strlen(message);

  if (!stralloc_readyplus(out, n + 4)) return -1;
  stralloc_catb(out, "2 ", 2);
  stralloc_catb(out, message, n);
  stralloc_catb(out, "\r\n", 2);
  e->table.header->errors++;
  return 0;
}

int decision_refused(decision const *d)
{
  return d->verdict.refused && !(d->limit->flags & LIMIT_OBSERVE);
}

/* Whether v says more than d: of several limits, the answer tells of the one that holds up the longest, or is the fullest. */
static int outdoes(verdict const *v, limit const *l, decision const *d)
{
  verdict const *w = &d->verdict;

  if (!d->limit || v->refused != w->refused) return !d->limit || v->refused;
  if (v->refused) return v->retry > w->retry;
  if (v->delay != w->delay) return v->delay > w->delay;
  return (unsigned __int128)v->n * d->limit->burst > (unsigned __int128)w->n * l->burst;
}

static void place_take(engine *e, place **p, uint64_t hash)
{
  if (!*p || place_hash(&e->table, *p) != hash) *p = table_take(&e->table, hash, (uint32_t)(e->now / 1000));
}

/*
 * Each limit of the rule is a bucket. What one of them refuses, the others do not count, unless refused attempts are to
 * count as well.
 */
void engine_count(engine *e, question const *w, decision *d)
{
  rule const *r = w->subject.rule;
  int share = question_is_shared(e, w);
  bucket b[RULE_WINDOWS];
  verdict v[RULE_WINDOWS];
  place *p[RULE_WINDOWS] = {w->place};

  d->limit = 0;
  if (w->decided)
  {
    d->limit = &r->limits[0];
    d->verdict = w->verdict;
    d->first = w->decided == 1;
    engine_note(e, w, d);
    return;
  }
  if (share) d->share = engine_share_of(e, &r->limits[0]);
  for (unsigned int i = 0; i < r->windows; i++)
  {
    limit const *l = share ? &d->share : &r->limits[i];
    place_take(e, &p[i], window_hash(w->hash, i));
    place_get(p[i], &b[i]);
    int over = !!(b[i].flags & BUCKET_OVER);
    bucket_step(&b[i], l, e->now, w->request.number, &v[i]);
    if (!outdoes(&v[i], l, d)) continue;
    d->limit = l;
    d->verdict = v[i];
    d->first = !over;
  }
  for (unsigned int i = 0; i < r->windows; i++)
  {
    if (d->verdict.refused && !v[i].refused && !(d->limit->flags & LIMIT_STRICT)) continue;
    place_take(e, &p[i], window_hash(w->hash, i)); /* the next one's may have moved it */
    place_put(p[i], &b[i]);
  }
  if (share && d->limit && !d->verdict.refused) engine_owe(e, w);
  engine_note(e, w, d);
}

static int check(engine *e, question const *w, stralloc *out)
{
  decision d;

  if (w->class->window) return engine_window(e, w->hash, out);
  counter_rate((counter *const[2]){e->minutes, e->minutes + 1}, e->now / 1000, 1);
  if (!w->hash)
  {
    e->table.header->unmatched++;
    return stralloc_catb(out, "0 0/0\r\n", 7) ? 0 : -1;
  }
  engine_count(e, w, &d);
  return put_verdict(&d, w->asker, out);
}

static int peek(engine *e, question const *w, stralloc *out)
{
  subject s;
  decision d = {.limit = 0};
  uint64_t hash = engine_key(e, w, 1, &s);
  int share = hash && e->shared && s.rule->limits[0].flags & LIMIT_SHARED;

  if (w->class->window) return engine_window(e, hash, out);
  if (!hash) return stralloc_catb(out, "0 0/0\r\n", 7) ? 0 : -1;
  if (w->decided)
  {
    d.limit = &s.rule->limits[0];
    d.verdict = w->verdict;
    return put_verdict(&d, w->asker, out);
  }
  if (share) d.share = engine_share_of(e, &s.rule->limits[0]);
  for (unsigned int i = 0; i < s.rule->windows; i++)
  {
    limit const *l = share ? &d.share : &s.rule->limits[i];
    place *p = table_find(&e->table, window_hash(hash, i));
    bucket b = BUCKET_ZERO;
    verdict v;
    if (p) place_get(p, &b);
    bucket_peek(&b, l, e->now, &v);
    if (p) place_put(p, &b);
    if (!outdoes(&v, l, &d)) continue;
    d.limit = l;
    d.verdict = v;
  }
  return put_verdict(&d, w->asker, out);
}

int engine_undo(engine *e, question const *w)
{
  int had = w->decided;

  if (!had && question_is_shared(e, w)) engine_owe(e, w);
  for (unsigned int i = 0; !w->decided && w->hash && i < w->subject.rule->windows; i++)
  {
    place *p = table_find(&e->table, window_hash(w->hash, i));
    bucket b;
    if (!p) continue;
    place_get(p, &b);
    bucket_undo(&b, &w->subject.rule->limits[i], e->now, w->request.number);
    place_put(p, &b);
    had = 1;
  }
  if (had && w->class->block_first && w->subject.rule->family) engine_note_login(e, &w->subject);
  return had;
}

static int undo(engine *e, question const *w, stralloc *out)
{
  return stralloc_catb(out, engine_undo(e, w) ? "0 1\r\n" : "0 0\r\n", 5) ? 0 : -1;
}

static int reset(engine *e, question const *w, stralloc *out)
{
  subject s;
  uint64_t hash = engine_key(e, w, 1, &s);
  int had = w->decided;

  for (unsigned int i = 0; hash && i < s.rule->windows; i++)
    had |= table_forget(&e->table, window_hash(hash, i));
  if (hash) engine_unblock(e, w, &s);
  if (hash && w->class->board >= 0) offender_forget(&e->table.boards[w->class->board], hash);
  return stralloc_catb(out, had ? "0 1\r\n" : "0 0\r\n", 5) ? 0 : -1;
}

static int may_count(class const *c, asker who)
{
  if (!c->n_askers || who.may & ASKER_OWNER) return 1;
  for (unsigned int i = 0; i < c->n_askers && !(who.may & ASKER_TCP); i++)
    if (c->askers[i] == who.uid) return 1;
  return 0;
}

int question_is_long(question const *w)
{
  return !w->wrong && w->request.verb >= VERB_TOP;
}

/* Finds what is counted, for a class that is known. */
static void find_subject(engine const *e, question *w)
{
  if (!may_count(w->class, w->asker))
  {
    w->wrong = "not allowed";
    return;
  }
  w->hash = engine_key(e, w, 0, &w->subject);
  if (w->hash) table_prefetch(&e->table, w->hash);
}

static void question_init(question *w, asker who)
{
  w->wrong = 0;
  w->decided = 0;
  w->asker = who;
  w->hash = 0;
  w->place = 0;
  w->class = 0;
}

void engine_ask(engine const *e, class const *c, char const *value, uint64_t quantity, asker who, question *w)
{
  size_t n = strlen(value);

  question_init(w, who);
  if (n > REQUEST_MAX - CLASS_NAME_MAX - 1) n = REQUEST_MAX - CLASS_NAME_MAX - 1;
  w->request = (request){.verb = VERB_ADD,
                         .number = quantity,
                         .class = c->name,
                         .class_len = c->len,
                         .value = value,
                         .value_len = n};
  w->class = c;
  find_subject(e, w);
}

void engine_read(engine const *e, char const *s, size_t n, asker who, question *w)
{
  request *q = &w->request;

  question_init(w, who);
  w->wrong = n > REQUEST_MAX ? "line too long" : request_scan(s, n, !(who.may & ASKER_TCP), q);
  if (w->wrong) return;
  if ((q->verb == VERB_RESET || q->verb == VERB_TOP) && !(who.may & ASKER_OWNER)) w->wrong = "not allowed";
  if (q->verb >= VERB_TOP && !q->class_len) return;
  w->class = rules_class(e->rules, q->class, q->class_len);
  if (!w->class && !w->wrong) w->wrong = "unknown class";
  if (!w->wrong && w->class->window != (q->verb == VERB_OPEN) && q->verb != VERB_CHECK &&
      q->verb <= VERB_OPEN)
    w->wrong = w->class->window ? "a class of windows: nothing is counted" : "not a class of windows";
  if (!w->wrong && q->verb <= VERB_OPEN) find_subject(e, w);
}

void engine_find(engine *e, question *w)
{
  if (w->hash) w->place = table_expect(&e->table, w->hash);
}

int engine_reply(engine *e, question const *w, stralloc *out)
{
  size_t len = out->len;
  int r;

  if (w->wrong) return error(e, w->wrong, out);
  switch (w->request.verb)
  {
    case VERB_UNDO: r = undo(e, w, out); break;
    case VERB_OPEN: r = engine_open(e, w, out); break;
    case VERB_PEEK: r = peek(e, w, out); break;
    case VERB_RESET: r = reset(e, w, out); break;
    case VERB_TOP: r = report_top(e, &w->request, out); break;
    case VERB_STATS: r = report_stats(e, w->asker.may, out); break;
    case VERB_LIMITS: r = report_limits(e, &w->request, out); break;
    default: r = check(e, w, out);
  }
  if (r < 0) out->len = len;
  return r;
}

int engine_answer(engine *e, char const *s, size_t n, asker who, stralloc *out)
{
  question w;

  engine_read(e, s, n, who, &w);
  engine_find(e, &w);
  return engine_reply(e, &w, out);
}

void engine_latency(engine *e, uint64_t n, uint64_t us)
{
  header *h = e->table.header;
  unsigned int i = us ? 64 - (unsigned int)__builtin_clzll(us) : 0;

  h->latency[i < LATENCIES ? i : LATENCIES - 1] += n;
  if (us > h->latency_max) h->latency_max = us;
}
