#include <string.h>
#include <time.h>

#include <skalibs/types.h>

#include "engine-internal.h"

/* Who is refused: the board of the worst, and the log. */

/*
 * The worst offenders among any number, in a few places (the "space-saving" algorithm of Metwally, Agrawal
 * and El Abbadi, 2005): a newcomer takes the place of the least, and its count, plus one. Whoever was
 * refused more than refusals / OFFENDERS times is on the board.
 */
static void offender_note(board *b, uint64_t hash, char const *name, size_t len, uint32_t now)
{
  offender *o = b->offenders, *least = o;

  for (unsigned int i = 0; i < OFFENDERS; i++, o++)
  {
    if (o->hash == hash)
    {
      o->refusals++;
      o->last = now;
      return;
    }
    if (o->refusals < least->refusals) least = o;
  }
  least->hash = hash;
  least->refusals++;
  least->last = now;
  least->len = (uint8_t)(len > OFFENDER_MAX ? OFFENDER_MAX : len);
  memcpy(least->name, name, least->len);
}

void offender_forget(board *b, uint64_t hash)
{
  for (unsigned int i = 0; i < OFFENDERS; i++)
    if (b->offenders[i].hash == hash) memset(&b->offenders[i], 0, sizeof b->offenders[i]);
}

int engine_may_log(engine *e)
{
  if (!e->log) return 0;
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

static void log_offence(engine *e, class const *c, decision const *d, char const *name, size_t len)
{
  char line[CLASS_NAME_MAX + 4 * OFFENDER_MAX + 3 * UINT64_FMT + 64];
  verdict const *v = &d->verdict;
  limit const *l = d->limit;
  size_t n = 0;

  if (!engine_may_log(e)) return;
  memcpy(line, l->flags & LIMIT_OBSERVE ? "observed " : "refused  ", 9);
  n = l->flags & LIMIT_OBSERVE ? 9 : 8;
  memcpy(line + n, c->name, c->len);
  n += c->len;
  line[n++] = ' ';
  n += put_value(line + n, name, len);
  line[n++] = ' ';
  n += uint64_fmt(line + n, v->n);
  line[n++] = '/';
  n += uint64_fmt(line + n, l->burst);
  if (v->retry != VERDICT_NEVER)
  {
    memcpy(line + n, " for ", 5);
    n += 5 + uint64_fmt(line + n + 5, v->retry);
    line[n++] = 's';
  }
  (*e->log)(line, n);
}

/*
 * An address whose counted attempts were taken back has logged in, and is not blocked for a week: its users are not to
 * suffer for one of them. It is a key of the table like others, of a class that no rules can name.
 */
#define LOGIN_MEMORY (7 * 86400) /* s */

static uint64_t login_key(engine const *e, subject const *s)
{
  return table_hash(&e->table, table_hash(&e->table, 0, "!login", 6), s->key, s->len);
}

void engine_note_login(engine *e, subject const *s)
{
  bucket b = {.last = e->now, .until = (uint32_t)(e->now / 1000) + LOGIN_MEMORY};

  place_put(table_take(&e->table, login_key(e, s), (uint32_t)(e->now / 1000)), &b);
}

static int has_logged_in(engine *e, subject const *s)
{
  place *p = table_find(&e->table, login_key(e, s));
  bucket b = BUCKET_ZERO;

  if (p) place_get(p, &b);
  return p && b.until > e->now / 1000;
}

/* The key as people read it, into name (OFFENDER_MAX bytes, no NUL). Returns its length. */
static size_t name_of(question const *w, subject const *s, char *name)
{
  char text[VALUE_ROOM(REQUEST_MAX)];
  size_t len = value_canonical(text, w->request.value, w->request.value_len);

  return subject_name(s, text, len, name, OFFENDER_MAX);
}

void engine_unblock(engine *e, question const *w, subject const *s)
{
  char name[OFFENDER_MAX];

  if (s->rule->family) blocker_forget(&e->blocker, w->class, name, name_of(w, s, name), (uint64_t)time(0));
}

void engine_note(engine *e, question const *w, decision const *d)
{
  class const *c = w->class;
  board *b = c->board < 0 ? 0 : &e->table.boards[c->board];
  char name[OFFENDER_MAX];
  size_t len;

  if (b) b->checks++;
  if (!d->verdict.refused) return;
  if (b && d->limit->flags & LIMIT_OBSERVE)
    b->observed++;
  else if (b)
    b->refusals++;
  len = name_of(w, &w->subject, name);
  if (b) offender_note(b, w->hash, name, len, (uint32_t)(e->now / 1000));
  if (d->first) log_offence(e, c, d, name, len);
  if (d->first && c->block_first && decision_refused(d) && w->subject.rule->family &&
      !has_logged_in(e, &w->subject))
    blocker_add(&e->blocker, c, name, len, (uint64_t)time(0));
}
