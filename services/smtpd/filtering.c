#include <errno.h>
#include <string.h>

#include "filters.h"

#define PIECE 32768u

static int takes_part(session const *s, unsigned int i)
{
  filter const *f = s->filters->of + i;
  uint64_t most = s->config->milters[i].size;

  return f->asked && f->open && !f->passes && !f->done && (!most || s->data.size <= most);
}

/* --- one milter ---------------------------------------------------------------------------------- */

/* `name NUL value NUL`. A NUL of the message's own would begin something else. */
static int put_field(stralloc *sa, one_field const *x, int spaced)
{
  size_t skip = !spaced && x->value_len && (*x->value == ' ' || *x->value == '\t');

  sa->len = 0;
  if (!stralloc_catb(sa, x->name, x->name_len) || !stralloc_0(sa) ||
      !stralloc_catb(sa, x->value + skip, x->value_len - skip) || !stralloc_0(sa))
    return -1;
  for (size_t k = x->name_len + 1; k + 1 < sa->len; k++)
    if (!sa->s[k]) sa->s[k] = '?';
  return 0;
}

static heard say_header(session *s, unsigned int i)
{
  filter *f = s->filters->of + i;
  stralloc sa = STRALLOC_ZERO;
  heard h = HEARD_GO;
  one_field x;

  for (size_t at = 0; h == HEARD_GO && takes_part(s, i) && fields_next(&s->filters->header, &at, &x);)
    h = put_field(&sa, &x, !!(f->agreed.steps & STEP_SPACE)) < 0
            ? HEARD_MEMORY
            : filter_step(s, i, STEP_HEADER, sa.s, sa.len);
  stralloc_free(&sa);
  return h == HEARD_GO && takes_part(s, i) ? filter_step(s, i, STEP_EOH, "", 0) : h;
}

/* The packet of the body is as long as it gets. */
static heard end_chunk(session *s, unsigned int i)
{
  filter *f = s->filters->of + i;

  if (!f->chunk) return HEARD_GO;
  packet_end(&f->out, f->chunk - 1);
  f->chunk = 0;
  return filter_said(s, i, STEP_BODY);
}

/* Lines end with CRLF on their way to a milter. */
static heard say_body(session *s, unsigned int i, char const *bytes, size_t len)
{
  filter *f = s->filters->of + i;
  heard h = HEARD_GO;

  while (len && h == HEARD_GO && takes_part(s, i) && !f->skips && !(f->agreed.steps & STEP_NO_BODY))
  {
    size_t at, room, n;
    char const *newline;
    if (!f->chunk)
    {
      if (packet_begin(&f->out, 'B', &at) < 0) return HEARD_MEMORY;
      f->chunk = at + 1;
    }
    room = PACKET_CHUNK - (f->out.len - f->chunk - 4);
    newline = memchr(bytes, '\n', len);
    n = newline ? (size_t)(newline - bytes) : len;
    if (n > room) n = room, newline = 0;
    if (newline && n + 2 > room) newline = 0;
    if (!stralloc_catb(&f->out, bytes, n) || (newline && !stralloc_catb(&f->out, "\r\n", 2)))
      return HEARD_MEMORY;
    bytes += n + (newline != 0);
    len -= n + (newline != 0);
    if (room - n < 4) h = end_chunk(s, i);
  }
  return h;
}

/* The message as it is by now, to a milter that has not heard it. */
static heard say_again(session *s, unsigned int i)
{
  static char piece[PIECE];
  operations const *e = s->operations;
  uint64_t at = s->filters->body;
  heard h = say_header(s, i);
  long n;

  while (h == HEARD_GO && takes_part(s, i) && (n = e->queue_read(e->host, at, piece, sizeof piece)))
  {
    if (n < 0) return HEARD_MEMORY;
    at += (uint64_t)n;
    h = say_body(s, i, piece, (size_t)n);
  }
  return h;
}

/* What it answers at the end: changes, and then what becomes of the message. */
static heard hear_end(session *s, unsigned int i)
{
  filter *f = s->filters->of + i;
  uint64_t const from = f->waited;
  unsigned int const most = s->config->milters[i].end;

  for (;;)
  {
    uint64_t waited = (f->waited - from) / 1000;
    milter_answer a;
    heard h = filter_hear(s, i, waited < most ? most - (unsigned int)waited : 1, &a);
    int r;
    if (!a.what) return h;
    if (!a.action)
    {
      f->ended = 1;
      return filter_obey(s, i, STEP_END, &a);
    }
    if (!(f->agreed.actions & a.action))
      return filter_fail(s, i, "a change that it did not ask for at first", 0);
    r = changes_note(s, i, &a);
    if (r < 0) return HEARD_MEMORY;
    if (r) return filter_fail(s, i, "a change that cannot be", 0);
  }
}

static heard end(session *s, unsigned int i)
{
  filter *f = s->filters->of + i;
  heard h = end_chunk(s, i);
  int ok;

  if (h != HEARD_GO || !takes_part(s, i)) return h;
  if (macros_put(s, i, 5, 'E') < 0 || packet_add(&f->out, 'E', "", 0) < 0) return HEARD_MEMORY;
  if (filter_flush(s, i) < 0) return filter_fail(s, i, "unable to send", errno);
  h = hear_end(s, i);
  ok = h == HEARD_GO && !f->failed && !s->policy.discard;
  if (h != HEARD_MEMORY && (ok ? changes_commit(s, i) : changes_drop(s)) < 0) return HEARD_MEMORY;
  return h;
}

/* --- the message --------------------------------------------------------------------------------- */

int milter_data(session *s)
{
  struct filters_s *x = s->filters;
  heard h = HEARD_GO;

  if (!x) return SPP_GO;
  for (unsigned int i = 0; i < s->config->milters_n && h == HEARD_GO; i++)
    h = filter_step(s, i, STEP_DATA, "", 0);
  x->live = 0;
  while (x->live < s->config->milters_n && !takes_part(s, x->live)) x->live++;
  fields_clear(&x->header);
  x->verdict = HEARD_GO;
  x->too_long = 0;
  x->changed = 0;
  return milter_conclude(s, STAGE_DATA, h);
}

static void header_over(session *s)
{
  struct filters_s *x = s->filters;

  x->body = x->header.end + (x->header.blank != 0);
  x->verdict = say_header(s, x->live);
  if (x->verdict == HEARD_GO)
    x->verdict = say_body(s, x->live, x->header.text.s + x->header.end, x->header.text.len - x->header.end);
  x->header.text.len = x->header.end;
}

int milter_put(session *s, char const *bytes, size_t len)
{
  struct filters_s *x = s->filters;
  size_t used = 0;

  if (!x || x->live == s->config->milters_n || x->too_long || x->verdict != HEARD_GO) return 0;
  if (!x->header.over)
  {
    int r = fields_feed(&x->header, bytes, len, &used);
    if (r < 0) return -1;
    x->too_long = r;
    if (!r && x->header.over) header_over(s);
  }
  if (x->header.over && x->verdict == HEARD_GO) x->verdict = say_body(s, x->live, bytes + used, len - used);
  return x->verdict == HEARD_MEMORY ? -1 : 0;
}

static heard end_all(session *s)
{
  struct filters_s *x = s->filters;
  heard h = x->verdict;

  for (unsigned int i = x->live; i < s->config->milters_n && h == HEARD_GO && !s->policy.discard; i++)
  {
    if (!takes_part(s, i)) continue;
    if (i != x->live) h = say_again(s, i);
    if (h == HEARD_GO) h = end(s, i);
  }
  return h;
}

/* Returns the reply that says why the message cannot be queued as the milters want it; 0: it can. */
static char const *settle(session *s)
{
  struct filters_s *x = s->filters;

  if (x->changed & (CHANGED_HEADER | CHANGED_BODY) && changes_write(s) < 0)
    return errno == ENOSPC || errno == EDQUOT ? "452 4.3.1 disk full"
                                              : "451 4.3.0 unable to change the message";
  return 0;
}

int milter_end(session *s)
{
  struct filters_s *x = s->filters;
  char const *wrong;
  heard h;

  if (!x || x->live == s->config->milters_n) return SPP_GO;
  if (x->too_long)
    return refuse(s, STAGE_DATA, "552 5.3.4 the header is too long for the filters") < 0 ? -1 : SPP_REFUSE;
  if (!x->header.over)
  {
    x->header.over = 1;
    x->header.end = x->header.text.len;
    header_over(s);
  }
  h = end_all(s);
  if (h != HEARD_GO || s->policy.discard) return milter_conclude(s, STAGE_DATA, h);
  wrong = settle(s);
  if (wrong) return refuse_free(s, STAGE_DATA, wrong) < 0 ? -1 : SPP_REFUSE;
  return SPP_GO;
}
