#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "server-internal.h"

/* Clients of the policy protocol, and those who wait for Redis. */

/* Nobody waits any more for what Redis says to this client. */
void client_forget(server *s, client *c)
{
  for (unsigned int i = 0; c->waiting && i < c->questions; i++)
    shared_forget(s->engine->shared, c->policy ? &c->policy->questions[i] : &c->wait[i]);
  for (client **p = &s->ready; *p; p = &(*p)->ready)
    if (*p == c)
    {
      *p = c->ready;
      break;
    }
  free(c->wait);
  free(c->policy);
  c->wait = 0;
  c->policy = 0;
  c->waiting = 0;
}

static server *serving; /* Redis's answers know their question alone */

void client_told(void *who, verdict const *v)
{
  question *w = who;
  client *c = w->owner;

  if (v)
  {
    w->verdict = *v;
    w->decided = 1;
  }
  if (--c->waiting) return;
  c->ready = serving->ready;
  serving->ready = c;
}

/* Asks Redis about those of the n questions that are its own. Returns whether the client waits. */
static int share(server *s, client *c, question *w, unsigned int n)
{
  serving = s;
  c->questions = n;
  for (unsigned int i = 0; i < n; i++)
  {
    w[i].owner = c;
    c->waiting += (unsigned int)engine_share(s->engine, &w[i]);
  }
  if (c->waiting) client_events(s, c, 0);
  return c->waiting > 0;
}

/* In trouble a policy server says nothing and disconnects. Returns 1: the client waits, -1: it is gone. */
static int answer_policy(server *s, client *c, size_t n)
{
  policy_request r;
  policy_asked all;
  char const *wrong = policy_request_read(&r, c->in + c->at, n);

  c->at += n;
  if (wrong || engine_policy_read(s->engine, &r, c->asker, &all) < 0) goto bad;
  if (s->engine->shared && (c->policy = malloc(sizeof all)))
  {
    *c->policy = all;
    if (share(s, c, c->policy->questions, all.n)) return 1;
    all = *c->policy;
    c->questions = 0;
    free(c->policy);
    c->policy = 0;
  }
  if (engine_policy_reply(s->engine, &all, &s->out) == 0) return 0;
bad:
  if (wrong) s->engine->table.header->errors++;
  client_drop(s, c);
  return -1;
}

/* any: how many answers are in s->out already. */
void client_policy(server *s, client *c, unsigned int any)
{
  size_t n;
  int r = 0;

  while (!r && (n = policy_request_length(c->in + c->at, c->len - c->at)) && any < CLIENT_LINES)
  {
    r = answer_policy(s, c, n);
    any += r == 0;
  }
  if (r < 0 || client_deliver(s, c) < 0) return;
  s->answered += any;
  if (r > 0) return;
  c->more = n > 0;
  if (!any && c->len == c->room)
    client_drop(s, c);
  else
    client_settle(s, c, any > 0);
}

/* Keeps the client's questions until Redis has answered those that it shall. Returns 0: there are none such. */
int client_waits(server *s, client *c, question *w)
{
  unsigned int n = c->questions;
  int any = 0;

  for (unsigned int i = 0; s->engine->shared && i < n; i++)
    any |= question_is_shared(s->engine, &w[i]) || (!w[i].wrong && w[i].request.verb >= VERB_PEEK);
  if (!any || !(c->wait = malloc(n * sizeof *w))) return 0;
  memcpy(c->wait, w, n * sizeof *w);
  if (share(s, c, c->wait, n)) return 1;
  memcpy(w, c->wait, n * sizeof *w);
  free(c->wait);
  c->wait = 0;
  return 0;
}

void client_ready(server *s)
{
  client *c;

  while ((c = s->ready))
  {
    question *w = c->wait;
    policy_asked *p = c->policy;
    s->ready = c->ready;
    c->wait = 0;
    c->policy = 0;
    client_events(s, c, EPOLLIN);
    if (w) client_answer(s, c, w);
    if (p)
    {
      s->out.len = 0;
      c->questions = 0;
      if (engine_policy_reply(s->engine, p, &s->out) == 0)
        client_policy(s, c, 1);
      else
        client_drop(s, c);
    }
    free(w);
    free(p);
  }
}
