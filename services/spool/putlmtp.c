#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <services/spool/result.h>

#include "deliver-internal.h"

/* Recipients of the message at hand who are handed over together. */
static struct
{
  unsigned int n;
  recipient of[LMTP_RECIPIENTS];
  char *mailbox[LMTP_RECIPIENTS]; /* name@domain: names are ours, the domain is the recipient's */
  size_t name[LMTP_RECIPIENTS];   /* bytes of the name */
} waiting;

void putlmtp_add(batch *b, job *j, recipient const *r, char const *name)
{
  char const *at = strrchr(r->address, '@');
  unsigned int i = 0;

  while (i < waiting.n &&
         (strlen(name) != waiting.name[i] || memcmp(waiting.mailbox[i], name, waiting.name[i])))
    i++;
  if (i < waiting.n || i == LMTP_RECIPIENTS) putlmtp_flush(b, j);
  if (put_has(j, name)) return;
  waiting.of[waiting.n] = *r;
  waiting.name[waiting.n] = strlen(name);
  if (asprintf(&waiting.mailbox[waiting.n], "%s@%s", name, at && at[1] ? at + 1 : b->s->host) < 0)
    deliver_defer(b, j, r, "remember who gets it below ", "");
  else
    waiting.n++;
}

static void putlmtp_tell(batch *b, job *j, unsigned int i, lmtp_result const *x)
{
  char why[LMTP_REPLY_MAX + 64];

  waiting.mailbox[i][waiting.name[i]] = 0;
  if (x->code && x->code < 400)
  {
    deliver_taken(j, waiting.mailbox[i]);
    deliver_say("delivered ", j->name, waiting.of[i].address, " by LMTP: ", x->text);
    return;
  }
  snprintf(why, sizeof why, "%s%s", x->code ? "Remote host said: " : "", x->text);
  deliver_result(b, j, waiting.of + i, x->code >= 500, why);
}

void putlmtp_flush(batch *b, job *j)
{
  static lmtp_result results[LMTP_RECIPIENTS];

  if (!waiting.n) return;
  lmtp_send(&b->s->lmtp, &j->m, envelope_sender(j->m.envelope.s), (char const *const *)waiting.mailbox,
            waiting.n, results);
  for (unsigned int i = 0; i < waiting.n; i++)
  {
    putlmtp_tell(b, j, i, results + i);
    free(waiting.mailbox[i]);
  }
  waiting.n = 0;
  shares_take(&b->s->shares, j->history.source, j->m.len);
}
