#include <string.h>

#include "session-internal.h"

int reply(session *s, char const *text)
{
  s->reply = s->out.len;
  return stralloc_cats(&s->out, text) && stralloc_catb(&s->out, "\r\n", 2) ? 0 : -1;
}

/* What an error costs: from errors_delay on a pause, or at once if it is slow; at errors_max the session. */
static int charge(session *s, int slow)
{
  session_config const *c = s->config;

  s->errors++;
  if (s->want == SESSION_CLOSE) return 0;
  if (c->errors_max && s->errors >= c->errors_max)
  {
    s->want = SESSION_CLOSE;
    return reply(s, "421 4.7.0 too many errors");
  }
  if (c->errors_delay && s->errors >= c->errors_delay) slow = 1;
  if (slow && c->error_delay) s->operations->pause(s->operations->host, c->error_delay);
  return 0;
}

static int record(session *s, stage at, size_t from)
{
  char const *text = s->out.s + from;
  char const *end = memchr(text, '\r', s->out.len - from);

  s->operations->count(s->operations->host, (tally)(TALLY_REFUSED_CONNECTION + (int)at));
  return log_refusal(s, at, text, end ? (size_t)(end - text) : s->out.len - from);
}

int refused(session *s, stage at, size_t from)
{
  return record(s, at, from) < 0 ? -1 : charge(s, 0);
}

int refuse(session *s, stage at, char const *text)
{
  return refuse_free(s, at, text) < 0 ? -1 : charge(s, 0);
}

int refuse_slow(session *s, stage at, char const *text)
{
  return refuse_free(s, at, text) < 0 ? -1 : charge(s, 1);
}

int refuse_free(session *s, stage at, char const *text)
{
  size_t from = s->out.len;
  return reply(s, text) < 0 ? -1 : record(s, at, from);
}
