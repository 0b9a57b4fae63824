#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <runlib/enhanced.h>

#include "session-internal.h"

#define WORDS_MAX 400 /* bytes of a server's words that a client is told */

/* --- the question --------------------------------------------------------------------------------- */

/* A value ends with its line. */
static int put(stralloc *sa, char const *name, char const *value)
{
  size_t from;

  if (!stralloc_cats(sa, name) || !stralloc_cats(sa, "=")) return -1;
  from = sa->len;
  if (!stralloc_cats(sa, value) || !stralloc_cats(sa, "\n")) return -1;
  for (size_t i = from; i + 1 < sa->len; i++)
    if (sa->s[i] == '\n' || sa->s[i] == '\r') sa->s[i] = '?';
  return 0;
}

static int put_number(stralloc *sa, char const *name, unsigned long long n)
{
  char text[24];

  snprintf(text, sizeof text, "%llu", n);
  return put(sa, name, text);
}

static int put_tls(stralloc *sa, session const *s)
{
  size_t n = s->tls ? strcspn(s->tls_name.s, " ") : 0;
  char protocol[32] = "";

  if (n < sizeof protocol) memcpy(protocol, s->tls ? s->tls_name.s : "", n);
  return put(sa, "encryption_protocol", protocol) < 0
             ? -1
             : put(sa, "encryption_cipher", s->tls && s->tls_name.s[n] ? s->tls_name.s + n + 1 : "");
}

/* The recipient at RCPT; later only when there is one. */
static char const *recipient(session const *s, unsigned int at)
{
  if (at == POLICY_RCPT) return s->rcpt.s;
  return at >= POLICY_DATA && s->recipients == 1 ? s->envelope.s + 1 : "";
}

static int question(session *s, unsigned int at, stralloc *sa)
{
  session_config const *c = s->config;
  char const *const states[] = {"CONNECT", s->verb && !strcasecmp(s->verb, "HELO") ? "HELO" : "EHLO",
                                "MAIL",    "RCPT",
                                "DATA",    "END-OF-MESSAGE"};
  char instance[64];
  unsigned int i = 0;

  while (!(at & 1u << i)) i++;
  snprintf(instance, sizeof instance, "%x.%llx.%x", c->pid, (unsigned long long)s->policy.began,
           s->policy.transaction);
  sa->len = 0;
  return put(sa, "request", "smtpd_access_policy") < 0 || put(sa, "protocol_state", states[i]) < 0 ||
                 put(sa, "protocol_name", s->esmtp ? "ESMTP" : "SMTP") < 0 ||
                 put(sa, "client_address", c->remoteip) < 0 || put(sa, "client_name", c->remotehost) < 0 ||
                 put(sa, "reverse_client_name", c->remotehost) < 0 ||
                 put(sa, "client_port", c->remoteport) < 0 || put(sa, "server_address", c->localip) < 0 ||
                 put(sa, "server_port", c->localport) < 0 ||
                 put(sa, "helo_name",
                     at == POLICY_HELO ? s->policy.helo
                     : s->helo.len     ? s->helo.s
                                       : "") < 0 ||
                 put(sa, "queue_id", "") < 0 || put(sa, "instance", instance) < 0 ||
                 put(sa, "sender", at >= POLICY_MAIL ? s->from.s : "") < 0 ||
                 put(sa, "recipient", recipient(s, at)) < 0 ||
                 put_number(sa, "recipient_count", at >= POLICY_DATA ? s->recipients : 0) < 0 ||
                 put_number(sa, "size", at == POLICY_END ? s->data.size : s->policy.size) < 0 ||
                 put(sa, "sasl_method", s->user.len ? "PLAIN" : "") < 0 ||
                 put(sa, "sasl_username", s->user.len ? s->user.s : "") < 0 ||
                 put(sa, "sasl_sender", "") < 0 || put_tls(sa, s) < 0 ||
                 put(sa, "policy_context", relayclient(s) ? "relay" : "") < 0 || !stralloc_cats(sa, "\n")
             ? -1
             : 0;
}

/* --- the answer ----------------------------------------------------------------------------------- */

/* The text behind action=, NUL-terminated; 0: there is none. */
static char *action_of(stralloc *answer)
{
  char *s = answer->s, *end = answer->s + answer->len;

  for (char *line = s; line < end; line = s)
  {
    char *newline = memchr(line, '\n', (size_t)(end - line));
    *newline = 0;
    s = newline + 1;
    if (!strncmp(line, "action=", 7)) return line + 7 + strspn(line + 7, " \t");
  }
  return 0;
}

/* Writes a reply, of which a client sees printable ASCII alone. */
static void write_reply(char *reply, size_t size, char const *code, char const *status, char const *words)
{
  snprintf(reply, size, "%s%s%.*s", code, enhanced_at(words, strlen(words)) ? "" : status, WORDS_MAX,
           *words ? words : "access denied");
  for (char *s = reply; *s; s++)
    if (*s < 32 || *s == 127) *s = '?';
}

/* What the servers of a stage said so far. */
typedef struct outcome_s outcome;
struct outcome_s
{
  char refusal[WORDS_MAX + 32]; /* empty: none */
  char if_permit[WORDS_MAX + 32];
  char if_reject[WORDS_MAX + 32];
  int stop; /* OK: the others are not asked */
};

/* Whether there is no control character in it but, at most, tabs. */
static int is_plain(char const *s, int tabs)
{
  for (; *s; s++)
    if (((unsigned char)*s < 32 && !(tabs && *s == '\t')) || *s == 127) return 0;
  return 1;
}

/* A header field for the message. Nothing may break out of it. */
static int prepend(session *s, unsigned int at, char const *field)
{
  size_t n = strcspn(field, ": \t");

  if (at == POLICY_END || !n || field[n] != ':' || !is_plain(field, 1))
    return log_event(s, "policy server's PREPEND is of no use:", "field", field);
  if (s->spp.headers.len + strlen(field) > (64u << 10)) return 0;
  return stralloc_cats(&s->spp.headers, field) && stralloc_cats(&s->spp.headers, "\n") ? 0 : -1;
}

static int redirect(session *s, char const *to)
{
  if (!strchr(to, '@') || strchr(to, ' ') || !is_plain(to, 0))
    return log_event(s, "policy server's REDIRECT is no address:", "to", to);
  return stralloc_copys(&s->policy.redirect, to) && stralloc_0(&s->policy.redirect) ? 0 : -1;
}

static int is_code(char const *s)
{
  return (s[0] == '4' || s[0] == '5') && s[1] >= '0' && s[1] <= '9' && s[2] >= '0' && s[2] <= '9' &&
         (!s[3] || s[3] == ' ');
}

/* Into the held part of the spool, where the server may do that; else the client keeps it. */
static int hold(session *s, unsigned int at, char const *why)
{
  if (!*why || !is_plain(why, 0)) why = "a policy server wants it";
  if (at != POLICY_END && (!stralloc_cats(&s->spp.headers, "X-Quarantine: ") ||
                           !stralloc_cats(&s->spp.headers, why) || !stralloc_cats(&s->spp.headers, "\n")))
    return -1;
  return message_hold(s, why);
}

static int obey(session *s, unsigned int at, unsigned int i, char const *what, outcome *o)
{
  size_t n = strcspn(what, " \t");
  char const *words = what + n + strspn(what + n, " \t");
  char word[24] = "";

  if (n < sizeof word) memcpy(word, what, n);
  if (is_code(what))
  {
    word[3] = ' '; /* behind the three digits */
    word[4] = 0;
    write_reply(o->refusal, sizeof o->refusal, word, *word == '4' ? "4.7.1 " : "5.7.1 ", words);
  }
  else if (!strcasecmp(word, "OK"))
    o->stop = 1;
  else if (!strcasecmp(word, "REJECT"))
    write_reply(o->refusal, sizeof o->refusal, "554 ", "5.7.1 ", words);
  else if (!strcasecmp(word, "DEFER"))
    write_reply(o->refusal, sizeof o->refusal, "450 ", "4.7.1 ", words);
  else if (!strcasecmp(word, "DEFER_IF_PERMIT"))
    write_reply(o->if_permit, sizeof o->if_permit, "450 ", "4.7.1 ", words);
  else if (!strcasecmp(word, "DEFER_IF_REJECT"))
    write_reply(o->if_reject, sizeof o->if_reject, "450 ", "4.7.1 ", words);
  else if (!strcasecmp(word, "PREPEND"))
    return prepend(s, at, words);
  else if (!strcasecmp(word, "REDIRECT"))
    return redirect(s, words);
  else if (!strcasecmp(word, "HOLD"))
  {
    if (s->config->policies[i].hold && s->config->holds) return hold(s, at, words);
    strcpy(o->refusal, "450 4.7.1 a policy server wants this message held, which it may not do here");
  }
  else if (!strcasecmp(word, "DISCARD"))
    s->policy.discard = DISCARD_POLICY;
  else if (!strcasecmp(word, "WARN"))
    return log_event(s, "warning of a policy server:", "text", words);
  else if (strcasecmp(word, "DUNNO"))
    return log_event(s, "unknown action of a policy server, taken for DUNNO:", "action", what);
  return 0;
}

/* --- a stage -------------------------------------------------------------------------------------- */

static int ask(session *s, unsigned int at, unsigned int i, outcome *o)
{
  policy_server const *p = s->config->policies + i;
  operations const *e = s->operations;
  stralloc rq = STRALLOC_ZERO, answer = STRALLOC_ZERO;
  char *what = 0;
  int result = question(s, at, &rq);

  if (!result)
  {
    if (!e->policy(e->host, i, rq.s, rq.len, &answer)) what = action_of(&answer);
    if (what)
      result = obey(s, at, i, what, o);
    else if (p->closed)
      strcpy(o->refusal, "451 4.3.5 a policy server does not answer");
  }
  stralloc_free(&rq);
  stralloc_free(&answer);
  return result;
}

int policy_run(session *s, unsigned int at, stage where)
{
  session_config const *c = s->config;
  outcome o = {.stop = 0};
  int own = s->user.len || relayclient(s);
  char const *text;

  for (unsigned int i = 0; i < c->policies_n && !o.stop && !*o.refusal; i++)
    if (c->policies[i].stages & at && (!own || c->policies[i].users) && ask(s, at, i, &o) < 0) return -1;
  text = *o.refusal ? o.refusal : o.if_permit;
  if (*o.refusal == '5' && *o.if_reject) text = o.if_reject;
  if (!*text) return SPP_GO;
  if (at == POLICY_CONNECT || !strncmp(text, "421", 3)) s->want = SESSION_CLOSE;
  /* To be asked to come again is no error of the client's. */
  s->policy_refusals += *text == '5';
  return (*text == '4' ? refuse_free(s, where, text) : refuse(s, where, text)) < 0 ? -1 : SPP_REFUSE;
}

void policy_forget(session *s)
{
  s->policy.transaction++;
  s->policy.discard = 0;
  s->policy.redirect.len = 0;
  s->policy.held.len = 0;
  s->policy.size = 0;
}
