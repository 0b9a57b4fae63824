#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "filters.h"

#define FLUSH    65536u /* bytes that wait before they are sent unasked */
#define RENEWALS 10u    /* so often a milter may ask for more time (PROGRESS) */

static struct
{
  char letter;
  unsigned int stage; /* of its macros; STAGES: it has none */
  uint32_t no, nr;
} const steps[] = {[STEP_CONNECT] = {'C', 0, STEP_NO_CONNECT, STEP_NR_CONNECT},
                   [STEP_HELO] = {'H', 1, STEP_NO_HELO, STEP_NR_HELO},
                   [STEP_MAIL] = {'M', 2, STEP_NO_MAIL, STEP_NR_MAIL},
                   [STEP_RCPT] = {'R', 3, STEP_NO_RCPT, STEP_NR_RCPT},
                   [STEP_DATA] = {'T', 4, STEP_NO_DATA, STEP_NR_DATA},
                   [STEP_UNKNOWN] = {'U', STAGES, STEP_NO_UNKNOWN, STEP_NR_UNKNOWN},
                   [STEP_HEADER] = {'L', STAGES, STEP_NO_HEADERS, STEP_NR_HEADER},
                   [STEP_EOH] = {'N', 6, STEP_NO_EOH, STEP_NR_EOH},
                   [STEP_BODY] = {'B', STAGES, STEP_NO_BODY, STEP_NR_BODY},
                   [STEP_END] = {'E', 5, 0, 0}};

static filter *the(session const *s, unsigned int i)
{
  return s->filters->of + i;
}

/* --- what ends a milter's part ------------------------------------------------------------------- */

static heard refuse_with(session *s, char const *text)
{
  stralloc *sa = &s->filters->reply;

  if (!stralloc_copys(sa, text) || !stralloc_0(sa)) return HEARD_MEMORY;
  if (!strncmp(text, "421", 3)) s->want = SESSION_CLOSE;
  return HEARD_REFUSED;
}

static heard as_configured(session *s, unsigned int i)
{
  switch (s->config->milters[i].fails)
  {
    case MILTER_TEMPFAIL: return refuse_with(s, "451 4.7.1 a filter does not answer, try again later");
    case MILTER_REJECT: return refuse_with(s, "554 5.7.1 a filter does not work");
    default: return HEARD_GO;
  }
}

heard filter_fail(session *s, unsigned int i, char const *what, int e)
{
  filter *f = the(s, i);
  char text[256];

  s->operations->milter_close(s->operations->host, i);
  f->open = f->helo = 0;
  f->out.len = f->base = f->chunk = 0;
  /* What nobody has been asked about yet is decided when it is. */
  if (!f->asked) return HEARD_GO;
  f->done = f->failed = 1;
  snprintf(text, sizeof text, "%s%s%s", what, e ? ": " : "", e ? strerror(e) : "");
  if (record_milter(s, "milter-failed:", i, text) < 0) return HEARD_MEMORY;
  return as_configured(s, i);
}

/* --- speaking and hearing -------------------------------------------------------------------------- */

int filter_flush(session *s, unsigned int i)
{
  filter *f = the(s, i);
  operations const *e = s->operations;
  int r = f->out.len ? e->milter_send(e->host, i, f->out.s, f->out.len) : 0;

  f->sent |= f->asked && f->out.len;
  f->out.len = f->base = 0;
  return r;
}

heard filter_hear(session *s, unsigned int i, unsigned int ms, milter_answer *a)
{
  operations const *e = s->operations;
  filter *f = the(s, i);

  for (unsigned int n = 0; n < RENEWALS; n++)
  {
    uint64_t before = e->now(e->host), after;
    packet p;
    int r = e->milter_receive(e->host, i, ms, &p), error = errno;
    after = e->now(e->host);
    if (after > before) f->waited += after - before;
    a->what = 0;
    if (r < 0) return filter_fail(s, i, "no answer", error);
    if (packet_answer(a, &p) < 0) return filter_fail(s, i, "an answer that is none", 0);
    if (a->what != ANSWER_PROGRESS) return HEARD_GO;
  }
  a->what = 0;
  return filter_fail(s, i, "progress without end", 0);
}

heard filter_obey(session *s, unsigned int i, step what, milter_answer const *a)
{
  filter *f = the(s, i);
  stralloc sa = STRALLOC_ZERO;
  heard h = HEARD_GO;
  int r;

  switch (a->what)
  {
    case ANSWER_CONTINUE: return HEARD_GO;
    case ANSWER_ACCEPT: *(what <= STEP_HELO ? &f->passes : &f->done) = 1; return HEARD_GO;
    case ANSWER_REJECT:
      h = refuse_with(s, what == STEP_CONNECT ? "554 5.7.1 a filter refuses this connection"
                                              : "550 5.7.1 refused by a filter");
      break;
    case ANSWER_TEMPFAIL: h = refuse_with(s, "451 4.7.1 a filter says: try again later"); break;
    case ANSWER_SHUTDOWN:
    case ANSWER_CONN_FAIL: h = refuse_with(s, "421 4.7.0 a filter ends this session"); break;
    case ANSWER_REPLY:
      if ((r = packet_reply(&sa, a->text)) || !stralloc_0(&sa))
        h = r > 0 ? filter_fail(s, i, "a reply that is none", 0) : HEARD_MEMORY;
      else
        h = refuse_with(s, sa.s);
      stralloc_free(&sa);
      break;
    case ANSWER_DISCARD:
      if (what < STEP_MAIL) return filter_fail(s, i, "discards before MAIL", 0);
      f->done = f->refused = 1;
      s->policy.discard = DISCARD_MILTER;
      return record_milter(s, "discarded:", i, "") < 0 ? HEARD_MEMORY : HEARD_GO;
    case ANSWER_SKIP:
      if (what != STEP_BODY || !(f->agreed.steps & STEP_SKIP))
        return filter_fail(s, i, "skips what is no body", 0);
      f->skips = 1;
      return HEARD_GO;
    default: return filter_fail(s, i, "an answer out of place", 0);
  }
  if (h == HEARD_REFUSED && !f->failed) f->refused = 1;
  /* One recipient, or one command, is no reason to hear no more of the others. */
  if (h == HEARD_REFUSED && what != STEP_RCPT && what != STEP_UNKNOWN) f->done = 1;
  return h;
}

/* How long one answer may take now: all that come before the end together no longer than the end. */
static unsigned int patience(session const *s, unsigned int i)
{
  milter_server const *m = s->config->milters + i;
  uint64_t waited = the(s, i)->asked ? the(s, i)->waited / 1000 : 0;

  return waited >= m->end ? 1 : m->end - waited < m->command ? (unsigned int)(m->end - waited) : m->command;
}

heard filter_said(session *s, unsigned int i, step what)
{
  filter *f = the(s, i);
  int answers = !(f->agreed.steps & steps[what].nr);
  milter_answer a;
  heard h;

  if ((answers || f->out.len >= FLUSH) && filter_flush(s, i) < 0)
    return filter_fail(s, i, "unable to send", errno);
  if (!answers) return HEARD_GO;
  h = filter_hear(s, i, patience(s, i), &a);
  return a.what ? filter_obey(s, i, what, &a) : h;
}

heard filter_step(session *s, unsigned int i, step what, char const *text, size_t len)
{
  filter *f = the(s, i);

  if (f->asked && f->failed) return as_configured(s, i);
  if (!f->open || f->passes || f->done || (what >= STEP_MAIL && !f->asked)) return HEARD_GO;
  if (steps[what].stage < STAGES && macros_put(s, i, steps[what].stage, steps[what].letter) < 0)
    return HEARD_MEMORY;
  if (f->agreed.steps & steps[what].no) return HEARD_GO;
  return packet_add(&f->out, steps[what].letter, text, len) < 0 ? HEARD_MEMORY : filter_said(s, i, what);
}
