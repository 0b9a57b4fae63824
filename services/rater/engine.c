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

void engine_rules(engine *e, rules *r)
{
  for (unsigned int i = 0; i < r->n; i++)
    r->classes[i].hash = table_hash(&e->table, 0, r->classes[i].name, r->classes[i].len);
  for (unsigned int i = 0; i < r->n; i++) r->classes[i].board = find_board(e, r, r->classes[i].hash);
  if (e->rules)
  {
    rules_free(e->rules);
    free(e->rules);
  }
  e->rules = r;
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
}

/* Finds the value's rule, and returns the key's hash; 0 where nothing is counted. */
static uint64_t find_key(engine const *e, question const *w, int whole, subject *s)
{
  char text[VALUE_ROOM(REQUEST_MAX)];
  size_t n = value_canonical(text, w->request.value, w->request.value_len);

  class_match(w->class, text, n, whole, s);
  if (!s->rule || s->rule->limit.flags & LIMIT_UNLIMITED) return 0;
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

/* `0 n/limit`, and `1 n/limit seconds` where verbs are understood. */
static int put_verdict(limit const *l, verdict const *v, asker who, stralloc *out)
{
  int refused = v->refused && !(l->flags & LIMIT_OBSERVE);
  char *s;
  size_t n = 0;

  if (!stralloc_readyplus(out, 8 + 3 * UINT64_FMT)) return -1;
  s = out->s + out->len;
  s[n++] = refused ? '1' : '0';
  s[n++] = ' ';
  n += put_number(s + n, v->n);
  s[n++] = '/';
  n += put_number(s + n, l->burst);
  if (refused && !(who.may & ASKER_TCP))
  {
    s[n++] = ' ';
    if (v->retry == VERDICT_NEVER)
      s[n++] = '-';
    else
      n += put_number(s + n, v->retry);
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

static int may_log(engine *e)
{
  if (e->now / 1000 != e->log_second)
  {
    char line[64 + UINT_FMT] = "refusals not logged, too many: ";
    size_t n = strlen(line);
    if (e->unlogged) (*e->log)(line, n + uint_fmt(line + n, e->unlogged));
    e->log_second = e->now / 1000;
    e->logs = e->unlogged = 0;
  }
  if (e->logs >= ENGINE_LOGS)
  {
    e->unlogged++;
    return 0;
  }
  e->logs++;
  return 1;
}

/* Printable and short: a value may be anything. */
static size_t put_value(char *out, char const *s, size_t n)
{
  static char const hex[] = "0123456789abcdef";
  size_t len = 0;

  for (size_t i = 0; i < n; i++)
  {
    unsigned char c = (unsigned char)s[i];
    if (c >= 0x20 && c < 0x7f && c != '\\')
      out[len++] = (char)c;
    else
    {
      out[len++] = '\\';
      out[len++] = 'x';
      out[len++] = hex[c >> 4];
      out[len++] = hex[c & 15];
    }
  }
  return len;
}

static void log_offence(engine *e, class const *c, limit const *l, verdict const *v, char const *name,
                        size_t len)
{
  char line[CLASS_NAME_MAX + 4 * OFFENDER_MAX + 3 * UINT64_FMT + 64];
  size_t n = 0;

  if (!e->log || !may_log(e)) return;
  memcpy(line, l->flags & LIMIT_OBSERVE ? "observed " : "refused  ", 9);
  n = l->flags & LIMIT_OBSERVE ? 9 : 8;
  memcpy(line + n, c->name, c->len);
  n += c->len;
  line[n++] = ' ';
  n += put_value(line + n, name, len);
  line[n++] = ' ';
  n += put_number(line + n, v->n);
  line[n++] = '/';
  n += put_number(line + n, l->burst);
  if (v->retry != VERDICT_NEVER)
  {
    memcpy(line + n, " for ", 5);
    n += 5 + put_number(line + n + 5, v->retry);
    line[n++] = 's';
  }
  (*e->log)(line, n);
}

static void note(engine *e, question const *w, verdict const *v, int first)
{
  class const *c = w->class;
  board *b = c->board < 0 ? 0 : &e->table.boards[c->board];
  limit const *l = &w->subject.rule->limit;
  char text[VALUE_ROOM(REQUEST_MAX)];
  char name[OFFENDER_MAX];
  size_t len;

  if (b) b->checks++;
  if (!v->refused) return;
  if (b && l->flags & LIMIT_OBSERVE)
    b->observed++;
  else if (b)
    b->refusals++;
  len = value_canonical(text, w->request.value, w->request.value_len);
  len = subject_name(&w->subject, text, len, name, sizeof name);
  if (b) offender_note(b, w->hash, name, len, (uint32_t)(e->now / 1000));
  if (first) log_offence(e, c, l, v, name, len);
}

static int check(engine *e, question const *w, stralloc *out)
{
  limit const *l;
  verdict v;
  bucket b;
  place *p = w->place;
  int over;

  counter_rate((counter *const[2]){e->minutes, e->minutes + 1}, e->now / 1000);
  if (!w->hash)
  {
    e->table.header->unmatched++;
    return stralloc_catb(out, "0 0/0\r\n", 7) ? 0 : -1;
  }
  l = &w->subject.rule->limit;
  if (!p || place_hash(&e->table, p) != w->hash)
    p = table_take(&e->table, w->hash, (uint32_t)(e->now / 1000));
  place_get(p, &b);
  over = !!(b.flags & BUCKET_OVER);
  bucket_step(&b, l, e->now, w->request.number, &v);
  place_put(p, &b);
  note(e, w, &v, !over);
  return put_verdict(l, &v, w->asker, out);
}

static int peek(engine *e, question const *w, stralloc *out)
{
  subject s;
  verdict v;
  bucket b = BUCKET_ZERO;
  uint64_t hash = find_key(e, w, 1, &s);
  place *p = hash ? table_find(&e->table, hash) : 0;

  if (!hash) return stralloc_catb(out, "0 0/0\r\n", 7) ? 0 : -1;
  if (p) place_get(p, &b);
  bucket_peek(&b, &s.rule->limit, e->now, &v);
  if (p) place_put(p, &b);
  return put_verdict(&s.rule->limit, &v, w->asker, out);
}

static int undo(engine *e, question const *w, stralloc *out)
{
  bucket b;
  place *p = w->hash ? table_find(&e->table, w->hash) : 0;

  if (p)
  {
    place_get(p, &b);
    bucket_undo(&b, &w->subject.rule->limit, e->now, w->request.number);
    place_put(p, &b);
  }
  return stralloc_catb(out, p ? "0 1\r\n" : "0 0\r\n", 5) ? 0 : -1;
}

static int reset(engine *e, question const *w, stralloc *out)
{
  subject s;
  uint64_t hash = find_key(e, w, 1, &s);
  int had = hash && table_forget(&e->table, hash);

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

void engine_read(engine const *e, char const *s, size_t n, asker who, question *w)
{
  request *q = &w->request;

  w->asker = who;
  w->hash = 0;
  w->place = 0;
  w->class = 0;
  w->wrong = n > REQUEST_MAX ? "line too long" : request_scan(s, n, !(who.may & ASKER_TCP), q);
  if (w->wrong) return;
  if ((q->verb == VERB_RESET || q->verb == VERB_TOP) && !(who.may & ASKER_OWNER)) w->wrong = "not allowed";
  if (q->verb >= VERB_TOP && !q->class_len) return;
  w->class = rules_class(e->rules, q->class, q->class_len);
  if (!w->class && !w->wrong) w->wrong = "unknown class";
  if (w->wrong || q->verb > VERB_UNDO) return;
  if (!may_count(w->class, who))
  {
    w->wrong = "not allowed";
    return;
  }
  w->hash = find_key(e, w, 0, &w->subject);
  if (w->hash) table_prefetch(&e->table, w->hash);
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
