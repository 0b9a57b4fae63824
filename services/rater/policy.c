#include <stdio.h>
#include <string.h>

#include <skalibs/types.h>

#include "engine-internal.h"

/* raterd's answers to Postfix's policy protocol, by which it is one of many policy servers. */

static int same_state(char const *of, char const *state)
{
  return !strcmp(of, state) || (!strcmp(of, "HELO") && !strcmp(state, "EHLO"));
}

/* One value more. Returns 0, or -1: the client may not ask. */
static int gather(engine *e, policy_asked *all, class const *c, char const *value, uint64_t quantity,
                  asker who)
{
  question *w = &all->questions[all->n];

  if (!*value || !quantity || all->n == POLICY_QUESTIONS) return 0;
  engine_ask(e, c, value, quantity, who, w);
  all->n++;
  return w->wrong ? -1 : 0;
}

/* What the request asks of one class; of one that its context names, and that does not say what, whose it is. */
static int gather_class(engine *e, policy_asked *all, policy_request *r, class const *c, int named, asker who)
{
  int result = 0;

  if (!c->n_asks && named)
    return gather(e, all, c, *r->sasl_username ? r->sasl_username : r->client_address, 1, who);
  for (unsigned int i = 0; i < c->n_asks && !result; i++)
  {
    policy_ask const *a = &c->asks[i];
    uint64_t quantity = 1;
    if (!same_state(a->state, r->protocol_state)) continue;
    if (*a->quantity && !uint640_scan(*policy_request_value(r, a->quantity, strlen(a->quantity)), &quantity))
      quantity = 0;
    result = gather(e, all, c, *policy_request_value(r, a->value, strlen(a->value)), quantity, who);
  }
  return result;
}

/* What was admitted although the request is refused is taken back, unless refused attempts are to count. */
static void take_back(engine *e, policy_asked *all, decision const *decisions, unsigned int refused)
{
  for (unsigned int i = 0; i < all->n; i++)
  {
    question *w = &all->questions[i];
    int counted = i < refused ? w->hash && !decisions[i].verdict.refused : w->decided && !w->verdict.refused;
    if (i == refused || !counted || w->subject.rule->limits[0].flags & LIMIT_STRICT) continue;
    if (w->decided)
    {
      w->request.verb = VERB_UNDO;
      w->decided = 0;
      w->owner = 0;
      (void)engine_share(e, w);
    }
    else
      engine_undo(e, w);
  }
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

int engine_policy_read(engine *e, policy_request *r, asker who, policy_asked *all)
{
  class const *named = rules_class(e->rules, r->policy_context, strlen(r->policy_context)), *c = named;
  int result = 0;

  all->n = 0;
  for (unsigned int i = 0; i < (named ? 1 : e->rules->n) && !result; i++)
    result = gather_class(e, all, r, (c = named ? named : &e->rules->classes[i]), named != 0, who);
  if (result < 0) log_denied(e, c);
  return result;
}

int engine_policy_reply(engine *e, policy_asked *all, stralloc *out)
{
  decision decisions[POLICY_QUESTIONS];

  for (unsigned int i = 0; i < all->n; i++)
  {
    question *w = &all->questions[i];
    counter_rate((counter *const[2]){e->minutes, e->minutes + 1}, e->now / 1000, 1);
    if (!w->hash)
    {
      e->table.header->unmatched++;
      continue;
    }
    engine_find(e, w);
    engine_count(e, w, &decisions[i]);
    if (!decision_refused(&decisions[i])) continue;
    take_back(e, all, decisions, i);
    return put_refusal(&decisions[i].verdict, out);
  }
  return stralloc_cats(out, "action=DUNNO\n\n") ? 0 : -1;
}

int engine_policy(engine *e, policy_request *r, asker who, stralloc *out)
{
  policy_asked all;

  return engine_policy_read(e, r, who, &all) < 0 ? -1 : engine_policy_reply(e, &all, out);
}
