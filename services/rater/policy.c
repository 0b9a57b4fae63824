#include <stdio.h>
#include <string.h>

#include <skalibs/types.h>

#include "engine-internal.h"

/* raterd's answers to Postfix's policy protocol, by which it is one of many policy servers. */

#define QUESTIONS 32 /* of a request */

typedef struct asked_s asked;
struct asked_s
{
  question questions[QUESTIONS];
  decision decisions[QUESTIONS];
  unsigned int n;
};

static int same_state(char const *of, char const *state)
{
  return !strcmp(of, state) || (!strcmp(of, "HELO") && !strcmp(state, "EHLO"));
}

/* Counts one value. Returns 1: it is fine, 0: refused; -1: the client may not ask. */
static int count(engine *e, asked *all, class const *c, char const *value, uint64_t quantity, asker who)
{
  question *w = &all->questions[all->n];

  if (!*value || !quantity || all->n == QUESTIONS) return 1;
  engine_ask(e, c, value, quantity, who, w);
  if (w->wrong) return -1;
  counter_rate((counter *const[2]){e->minutes, e->minutes + 1}, e->now / 1000, 1);
  if (!w->hash)
  {
    e->table.header->unmatched++;
    return 1;
  }
  engine_find(e, w);
  engine_count(e, w, &all->decisions[all->n]);
  return !decision_refused(&all->decisions[all->n++]);
}

/* What the request asks of one class; of one that its context names, and that does not say what, whose it is. */
static int ask_class(engine *e, asked *all, policy_request *r, class const *c, int named, asker who)
{
  int result = 1;

  if (!c->n_asks && named)
    return count(e, all, c, *r->sasl_username ? r->sasl_username : r->client_address, 1, who);
  for (unsigned int i = 0; i < c->n_asks && result > 0; i++)
  {
    policy_ask const *a = &c->asks[i];
    uint64_t quantity = 1;
    if (!same_state(a->state, r->protocol_state)) continue;
    if (*a->quantity && !uint640_scan(*policy_request_value(r, a->quantity, strlen(a->quantity)), &quantity))
      quantity = 0;
    result = count(e, all, c, *policy_request_value(r, a->value, strlen(a->value)), quantity, who);
  }
  return result;
}

/* What was admitted before something else was refused is taken back, unless refused attempts are to count. */
static void take_back(engine *e, asked const *all, unsigned int n)
{
  for (unsigned int i = 0; i < n; i++)
    if (!all->decisions[i].verdict.refused && !(all->decisions[i].limit->flags & LIMIT_STRICT))
      engine_undo(e, &all->questions[i]);
}

static int put_refusal(verdict const *v, stralloc *out)
{
  char line[100];

  if (v->retry == VERDICT_NEVER)
    return stralloc_cats(out, "action=554 5.7.1 more at once than is ever allowed\n\n") ? 0 : -1;
  snprintf(line, sizeof line, "action=DEFER_IF_PERMIT 4.7.1 too often: come again in %u seconds\n\n",
           v->retry);
  return stralloc_cats(out, line) ? 0 : -1;
}

static void log_denied(engine *e, class const *c)
{
  char line[CLASS_NAME_MAX + 80];
  int n = snprintf(line, sizeof line, "a policy client may not count in the class %s", c->name);

  e->table.header->errors++;
  if (n > 0 && engine_may_log(e)) (*e->log)(line, (size_t)n);
}

int engine_policy(engine *e, policy_request *r, asker who, stralloc *out)
{
  asked all;
  class const *named = rules_class(e->rules, r->policy_context, strlen(r->policy_context)), *c = named;
  int result = 1;

  all.n = 0;
  for (unsigned int i = 0; i < (named ? 1 : e->rules->n) && result > 0; i++)
    result = ask_class(e, &all, r, (c = named ? named : &e->rules->classes[i]), named != 0, who);
  if (result <= 0) take_back(e, &all, all.n - !result);
  if (result < 0) log_denied(e, c);
  if (result > 0) return stralloc_cats(out, "action=DUNNO\n\n") ? 0 : -1;
  return result < 0 ? -1 : put_refusal(&all.decisions[all.n - 1].verdict, out);
}
