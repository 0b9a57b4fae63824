#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <skalibs/types.h>

#include "filters.h"

/* --- what all stages share ----------------------------------------------------------------------- */

/* What becomes of the command. To be asked to come again is no error of the client's. */
int milter_conclude(session *s, stage where, heard h)
{
  char const *text = h == HEARD_REFUSED ? s->filters->reply.s : 0;

  if (!text) return h == HEARD_GO ? SPP_GO : -1;
  return (*text == '4' ? refuse_free(s, where, text) : refuse(s, where, text)) < 0 ? -1 : SPP_REFUSE;
}

/* Says a step to all, up to the first that refuses. */
static int say_all(session *s, stage where, step what, char const *text, size_t len)
{
  heard h = HEARD_GO;

  for (unsigned int i = 0; i < s->config->milters_n && h == HEARD_GO; i++)
    h = filter_step(s, i, what, text, len);
  return milter_conclude(s, where, h);
}

/* `<address>`, and the words behind it, each with a NUL. */
static int put_path(stralloc *sa, char const *address, char const *parameters)
{
  if (!stralloc_copys(sa, "<") || !stralloc_cats(sa, address) || !stralloc_catb(sa, ">", 2)) return -1;
  for (parameters += strspn(parameters, " \t"); *parameters; parameters += strspn(parameters, " \t"))
  {
    size_t n = strcspn(parameters, " \t");
    if (!stralloc_catb(sa, parameters, n) || !stralloc_0(sa)) return -1;
    parameters += n;
  }
  return 0;
}

/* --- connecting ---------------------------------------------------------------------------------- */

static heard say_connect(session *s, unsigned int i)
{
  session_config const *c = s->config;
  char text[600], family = strchr(c->remoteip, ':') ? '6' : strcmp(c->remoteip, "unknown") ? '4' : 'U';
  size_t n = (size_t)snprintf(text, 257, "%s", c->remotehost) + 1;
  uint16_t port = 0;

  if (n > 257) n = 257;
  text[n++] = family;
  if (family == 'U') return filter_step(s, i, STEP_CONNECT, text, n);
  (void)ushort_scan(c->remoteport, &port);
  port = htons(port);
  memcpy(text + n, &port, 2);
  n += 2;
  n += (size_t)snprintf(text + n, 64, "%s%s", family == '6' ? "IPv6:" : "", c->remoteip) + 1;
  return filter_step(s, i, STEP_CONNECT, text, n);
}

static heard say_helo(session *s, unsigned int i, char const *name)
{
  s->filters->of[i].helo = 1;
  return filter_step(s, i, STEP_HELO, name, strlen(name) + 1);
}

/* Agrees on what is said and what may be wanted. */
static heard negotiate(session *s, unsigned int i)
{
  operations const *e = s->operations;
  filter *f = s->filters->of + i;
  uint32_t actions = s->config->holds ? ACTIONS : ACTIONS & ~ACTION_QUARANTINE;
  uint64_t before = e->now(e->host), after;
  packet p;
  int r, error;

  if (packet_offer(&f->out, actions, STEPS) < 0) return HEARD_MEMORY;
  r = filter_flush(s, i) < 0 ? -1 : e->milter_receive(e->host, i, s->config->milters[i].connect, &p);
  error = errno;
  after = e->now(e->host);
  if (after > before) f->waited += after - before;
  if (r < 0) return filter_fail(s, i, "no answer", error);
  if (packet_agree(&f->agreed, &p, actions, STEPS) < 0)
    return filter_fail(s, i, "wants what was not offered", 0);
  f->open = 1;
  return say_connect(s, i);
}

/* Connects, unless it is connected, and catches up. */
static heard be_ready(session *s, unsigned int i, char const *helo)
{
  operations const *e = s->operations;
  filter *f = s->filters->of + i;
  heard h = HEARD_GO;

  if (f->passes) return HEARD_GO;
  if (!f->open || !e->milter_idle(e->host, i))
  {
    e->milter_close(e->host, i);
    f->open = f->helo = f->sent = 0;
    f->out.len = f->base = 0;
    if (e->milter_open(e->host, i) < 0) return filter_fail(s, i, "unable to connect", errno);
    h = negotiate(s, i);
  }
  return h == HEARD_GO && f->open && helo && !f->helo ? say_helo(s, i, helo) : h;
}

/* --- stages -------------------------------------------------------------------------------------- */

/* Under overload, and for our own users, some are left out. */
static int concerns(session const *s, unsigned int i)
{
  milter_server const *m = s->config->milters + i;

  if (!m->own && (s->user.len || relayclient(s))) return 0;
  return !m->below || s->operations->overload(s->operations->host) < m->below;
}

int milter_connect(session *s)
{
  heard h = HEARD_GO;
  int r;

  if (!s->config->milters_n) return SPP_GO;
  s->filters = calloc(1, sizeof *s->filters + s->config->milters_n * sizeof *s->filters->of);
  if (!s->filters) return -1;
  for (unsigned int i = 0; i < s->config->milters_n && h == HEARD_GO; i++)
    if (concerns(s, i)) h = be_ready(s, i, 0);
  r = milter_conclude(s, STAGE_CONNECTION, h);
  if (r == SPP_REFUSE) s->want = SESSION_CLOSE;
  return r;
}

int milter_helo(session *s)
{
  heard h = HEARD_GO;

  if (!s->filters) return SPP_GO;
  for (unsigned int i = 0; i < s->config->milters_n && h == HEARD_GO; i++)
    if (s->filters->of[i].open) h = say_helo(s, i, s->policy.helo);
  return milter_conclude(s, STAGE_HELO, h);
}

static heard begin(session *s, unsigned int i, stralloc const *path)
{
  filter *f = s->filters->of + i;
  heard h;

  f->asked = 1;
  f->done = f->failed = f->refused = f->skips = f->sent = 0;
  f->waited = f->chunk = 0;
  s->operations->milter_asked(s->operations->host, i);
  h = be_ready(s, i, s->helo.s);
  f->base = f->out.len;
  f->sent = 0;
  return h == HEARD_GO ? filter_step(s, i, STEP_MAIL, path->s, path->len) : h;
}

int milter_mail(session *s, char const *parameters)
{
  session_config const *c = s->config;
  stralloc path = STRALLOC_ZERO;
  heard h = HEARD_GO;
  int r;

  if (!s->filters) return SPP_GO;
  snprintf(s->filters->id, sizeof s->filters->id, "%x.%llx.%x", c->pid, (unsigned long long)s->policy.began,
           s->policy.transaction);
  if (put_path(&path, s->from.s, parameters) < 0) h = HEARD_MEMORY;
  for (unsigned int i = 0; i < c->milters_n && h == HEARD_GO; i++)
    if (concerns(s, i) && (!c->milters[i].size || s->policy.size <= c->milters[i].size))
      h = begin(s, i, &path);
  stralloc_free(&path);
  r = milter_conclude(s, STAGE_MAIL, h);
  if (r == SPP_REFUSE) milter_forget(s);
  return r;
}

int milter_rcpt(session *s)
{
  stralloc path = STRALLOC_ZERO;
  int r;

  if (!s->filters) return SPP_GO;
  r = put_path(&path, s->rcpt.s, "") < 0 ? -1 : say_all(s, STAGE_RCPT, STEP_RCPT, path.s, path.len);
  stralloc_free(&path);
  return r;
}

int milter_rejected(session *s, char const *refusal)
{
  stralloc path = STRALLOC_ZERO;
  heard h = HEARD_GO;

  if (!s->filters) return 0;
  if (put_path(&path, s->rcpt.s, "") < 0) h = HEARD_MEMORY;
  s->filters->refusal = refusal;
  for (unsigned int i = 0; i < s->config->milters_n && h != HEARD_MEMORY; i++)
    if (s->filters->of[i].agreed.steps & STEP_REJECTED && !s->filters->of[i].failed)
      h = filter_step(s, i, STEP_RCPT, path.s, path.len);
  s->filters->refusal = 0;
  stralloc_free(&path);
  return h == HEARD_MEMORY ? -1 : 0;
}

int milter_unknown(session *s, char const *line)
{
  return s->filters ? say_all(s, STAGE_COMMAND, STEP_UNKNOWN, line, strlen(line) + 1) : SPP_GO;
}

void milter_forget(session *s)
{
  operations const *e = s->operations;

  for (unsigned int i = 0; s->filters && i < s->config->milters_n; i++)
  {
    filter *f = s->filters->of + i;
    if (!f->asked) continue;
    e->milter_over(e->host, i, f->waited / 1000, f->refused, f->failed);
    f->asked = 0;
    f->chunk = 0;
    if (!f->open) continue;
    /* What was never sent need not be taken back. */
    if (f->sent)
    {
      f->out.len = 0;
      if (!f->ended && (packet_add(&f->out, 'A', "", 0) < 0 || filter_flush(s, i) < 0))
        (void)filter_fail(s, i, "", 0);
    }
    else
      f->out.len = f->base;
    f->ended = f->sent = 0;
  }
}

void milter_quit(session *s)
{
  milter_forget(s);
  for (unsigned int i = 0; s->filters && i < s->config->milters_n; i++)
    if (s->filters->of[i].open && packet_add(&s->filters->of[i].out, 'Q', "", 0) == 0)
      (void)filter_flush(s, i);
}

void milter_free(session *s)
{
  struct filters_s *x = s->filters;

  for (unsigned int i = 0; x && i < s->config->milters_n; i++) stralloc_free(&x->of[i].out);
  if (!x) return;
  stralloc_free(&x->reply);
  fields_free(&x->header);
  fields_free(&x->changes.header);
  stralloc_free(&x->changes.from);
  stralloc_free(&x->changes.envelope);
  stralloc_free(&x->changes.why);
  free(x);
  s->filters = 0;
}
