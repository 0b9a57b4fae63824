#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include "server.h"

#define LOG_VALUE 256 /* bytes of a stranger's value that are logged */

/* Appends ` KEY=VALUE`; what is not printable, and quotes, become \xHH. */
static void log_put(stralloc *sa, char const *key, char const *value)
{
  static char const hex[] = "0123456789abcdef";
  unsigned int n = 0;

  stralloc_cats(sa, key);
  for (; *value && n < LOG_VALUE; value++, n++)
  {
    unsigned char c = (unsigned char)*value;
    char const escaped[] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
    if (c < 32 || c >= 127 || c == '"' || c == '\\')
      stralloc_catb(sa, escaped, sizeof escaped);
    else
      stralloc_catb(sa, value, 1);
  }
}

/* One line, in one write. */
static void log_event(client const *c, char const *event, char const *code, char const *check,
                      char const *reply)
{
  policy_request const *r = &c->request;
  stralloc sa = STRALLOC_ZERO;

  stralloc_cats(&sa, "policyd: info: ");
  stralloc_cats(&sa, event);
  if (code) log_put(&sa, ": ", code);
  log_put(&sa, " check=", check);
  log_put(&sa, " client=", r->client_address);
  log_put(&sa, " helo=\"", r->helo_name);
  log_put(&sa, "\" from=\"", r->sender);
  log_put(&sa, "\" to=\"", r->recipient);
  log_put(&sa, "\" spf=", c->verdict.spf_done ? spf_result_name(c->verdict.spf.result) : "unknown");
  log_put(&sa, " reply=\"", reply);
  if (stralloc_cats(&sa, "\"\n")) allwrite(2, sa.s, sa.len);
  stralloc_free(&sa);
}

static char const *check_name(condition c)
{
  return c == GREYLISTED ? "greylist" : condition_kinds[c].key;
}

/* The answer's words are one line of printable ASCII. */
static void answer(client *c, char const *verb, char const *text)
{
  size_t from;

  if (!stralloc_cats(&c->out, "action=")) goto bad;
  from = c->out.len;
  if (!stralloc_cats(&c->out, verb) || !stralloc_cats(&c->out, text)) goto bad;
  for (size_t i = from; i < c->out.len; i++)
    if (c->out.s[i] < 32 || c->out.s[i] >= 127) c->out.s[i] = '?';
  if (stralloc_cats(&c->out, "\n\n")) return;
bad:
  c->gone = 1;
}

static void refuse(server *s, client *c)
{
  verdict const *v = &c->verdict;
  int now = v->text[0] == '4';

  counter_add(s->tallies[now ? TALLY_TEMPFAILED : TALLY_REFUSED], 1);
  counter_add(s->tallies[TALLY_CONDITIONS + v->refused], 1);
  log_event(c, now ? "tempfailed" : "refused", v->code, check_name(v->refused), v->text);
  if (now)
    answer(c, "DEFER_IF_PERMIT ",
           v->text + 4); /* without 451: what refuses for good, later, may still do so */
  else
    answer(c, "", v->text);
}

/* Returns whether the client is told to come again. */
static int greylisted(server *s, client *c)
{
  verdict *v = &c->verdict;
  action all = s->settings->actions[GREYLISTED];
  uint64_t wait = 0;
  char text[80];
  grey g;

  if (!s->store || (v->suspected == CONDITIONS && !s->settings->greylist_all)) return 0;
  g = greylist_check(s->store, s->settings, &c->question, v->spf_done && v->spf.result == SPF_PASS, &wait);
  if (g == GREY_KNOWN) counter_add(s->tallies[TALLY_KNOWN], 1);
  if (g == GREY_AGAIN) counter_add(s->tallies[TALLY_AGAIN], 1);
  if (g != GREY_WAIT) return 0;
  snprintf(text, sizeof text, "4.7.1 greylisted: come again in %llu seconds", (unsigned long long)wait);
  if (v->suspected == CONDITIONS && all == ACTION_OBSERVE)
  {
    v->observed |= 1u << GREYLISTED;
    return 0;
  }
  counter_add(s->tallies[TALLY_GREYLISTED], 1);
  log_event(c, "greylisted", condition_kinds[GREYLISTED].code,
            v->suspected == CONDITIONS ? "greylist" : check_name(v->suspected), text);
  answer(c, "DEFER_IF_PERMIT ", text);
  return 1;
}

void conclude(server *s, client *c)
{
  verdict *v = &c->verdict;
  char field[2048];
  int greyed = !v->allowed && v->refused == CONDITIONS && greylisted(s, c);

  for (condition i = 0; i < CONDITIONS; i++)
    if (v->observed & 1u << i)
    {
      counter_add(s->tallies[TALLY_CONDITIONS + CONDITIONS + i], 1);
      log_event(c, "observed", condition_kinds[i].code, check_name(i), "");
    }
  if (greyed) return;
  if (v->allowed)
  {
    counter_add(s->tallies[TALLY_ALLOWED], 1);
    answer(c, "DUNNO", "");
  }
  else if (v->refused != CONDITIONS)
    refuse(s, c);
  else if (v->spf_done && !c->marked && s->settings->actions[SPF_IS_NONE + v->spf.result] >= ACTION_MARK)
  {
    c->marked = 1;
    judge_received_spf(&c->question, v, field, sizeof field);
    answer(c, "PREPEND ", field);
  }
  else
    answer(c, "DUNNO", "");
}
