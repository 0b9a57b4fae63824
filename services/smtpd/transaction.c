#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <skalibs/types.h>

#include <runlib/srs.h>

#include "path.h"
#include "senders.h"
#include "session-internal.h"

#define RECIPIENTS_OVER 1000 /* beyond the limit, they are refused without being errors */

void transaction_forget(session *s)
{
  milter_forget(s);
  s->mail = 0;
  s->barred = 0;
  s->utf8 = 0;
  s->from.len = 0;
  s->rcpt.len = 0;
  s->envelope.len = 0;
  s->recipients = 0;
  tdestroy(s->seen, &free);
  s->seen = 0;
  policy_forget(s);
}

/* Domains have no case (RFC 5321, 2.4); local parts may, for whoever reads them. */
static int by_address(void const *a, void const *b)
{
  char const *left = strrchr(a, '@'), *right = strrchr(b, '@');
  size_t n = left ? (size_t)(left - (char const *)a) : strlen(a);
  size_t m = right ? (size_t)(right - (char const *)b) : strlen(b);
  int order = memcmp(a, b, n < m ? n : m);

  if (order || n != m) return order ? order : n < m ? -1 : 1;
  return strcasecmp(left ? left : "", right ? right : "");
}

/* Returns 1 if this transaction had the recipient before, and 0 if it has it from now on; -1 for ENOMEM. */
static int seen(session *s, char const *address)
{
  char *copy;

  if (tfind(address, &s->seen, &by_address)) return 1;
  copy = strdup(address);
  if (copy && tsearch(copy, &s->seen, &by_address)) return 0;
  free(copy);
  return -1;
}

/* Where the path begins behind `FROM:` or `TO:`; 0 if the argument does not begin so. */
static char const *behind(char const *argument, char const *word)
{
  size_t n = strlen(word);
  return strncasecmp(argument, word, n) ? 0 : argument + n;
}

static int is(char const *s, size_t len, char const *word)
{
  return strlen(word) == len && !strncasecmp(s, word, len);
}

/* One parameter of MAIL. Returns 0, or the reply that refuses it. */
static char const *parameter(session *s, char const *p, size_t len, uint64_t *size)
{
  if (len > 5 && len < 26 && !strncasecmp(p, "SIZE=", 5))
  {
    size_t n = uint64_scan(p + 5, size);
    if (n < len - 5 && p[5 + n] >= '0' && p[5 + n] <= '9') *size = UINT64_MAX;
    return n && strspn(p + 5, "0123456789") == len - 5 ? 0 : "501 5.5.4 SIZE needs a number";
  }
  if (is(p, len, "BODY=7BIT") || is(p, len, "BODY=8BITMIME") || is(p, len, "SMTPUTF8")) return 0;
  if (len > 5 && !strncasecmp(p, "AUTH=", 5) && s->config->auth) return 0;
  return "555 5.5.4 parameter not recognized";
}

/* RFC 5321, 4.1.1.11; RFC 1870 for SIZE. */
static char const *parameters(session *s, char const *p, uint64_t *size)
{
  for (p += strspn(p, " \t"); *p; p += strspn(p, " \t"))
  {
    size_t n = strcspn(p, " \t");
    char const *wrong = s->esmtp ? parameter(s, p, n, size) : "555 5.5.4 parameters need EHLO";
    if (wrong) return wrong;
    p += n;
  }
  return 0;
}

static int wants_utf8(char const *argument)
{
  size_t n = strlen(argument);

  while (n && (argument[n - 1] == ' ' || argument[n - 1] == '\t')) n--;
  for (char const *p = argument; (p = strcasestr(p, " SMTPUTF8")); p++)
    if (p[9] == 0 || p[9] == ' ' || p[9] == '\t') return 1;
  return 0;
}

/* What must come first. Returns the reply that says so. */
static char const *mail_too_early(session const *s)
{
  session_config const *c = s->config;

  if (!s->helo.len) return "503 5.5.1 EHLO or HELO first";
  if (s->mail) return "503 5.5.1 one MAIL at a time";
  if (c->starttls == STARTTLS_REQUIRE && !s->tls) return "530 5.7.0 must issue a STARTTLS command first";
  if (c->submission && !s->user.len && !relayclient(s)) return "530 5.7.0 authentication required";
  if (c->messages && s->messages >= c->messages) return "421 4.7.0 too many messages in this session";
  return 0;
}

/*
 * What a person's mail program leaves out (RFC 6409, 8.1; ofmipd): joe is joe@DOMAIN, joe@host is joe@host.DOMAIN.
 */
static int complete(session *s, stralloc *address)
{
  char const *at = memrchr(address->s, '@', address->len);

  if (!s->config->submission || !address->len) return 0;
  if (at && (at[1] == '[' || strchr(at, '.'))) return 0;
  if (!stralloc_catb(address, at ? "." : "@", 1) || !stralloc_cats(address, s->config->domain) ||
      !stralloc_0(address))
    return -1;
  address->len--;
  return 0;
}

/* An address literal of this machine becomes localiphost, as in qmail-smtpd. Returns 1, 0 or -1: nobody can tell now. */
static int is_own(session *s, stralloc const *address, char const **at)
{
  char ip[16];
  size_t n;

  *at = address->len ? memrchr(address->s, '@', address->len) : 0;
  n = *at && (*at)[1] == '[' ? path_literal(*at + 1, strlen(*at + 1), ip) : 0;
  return n ? s->operations->own(s->operations->host, ip, n) : 0;
}

static int localize(session *s, stralloc *address, char const *at)
{
  address->len = (size_t)(at + 1 - address->s);
  if (!stralloc_cats(address, s->config->control->localiphost.s) || !stralloc_0(address)) return -1;
  address->len--;
  return 0;
}

static char const *const wrong_paths[][2] = {
    [PATH_SYNTAX] = {"501 5.1.7 syntax error in the address", "501 5.1.3 syntax error in the address"},
    [PATH_LONG] = {"501 5.1.7 address too long", "501 5.1.3 address too long"},
    [PATH_ASCII] = {"553 5.6.7 a non-ASCII address needs SMTPUTF8",
                    "553 5.6.7 a non-ASCII address needs SMTPUTF8"},
    [PATH_UTF8] = {"553 5.6.7 the address is not UTF-8", "553 5.6.7 the address is not UTF-8"}};

/* Reads the path into sa. Returns 0; 1, refused; or -1. */
static int scan(session *s, stage at, char const *path, stralloc *sa, char const **rest)
{
  path_wrong wrong = path ? path_scan(path, s->utf8, sa, rest) : PATH_SYNTAX;
  char const *host;
  int own;

  if (wrong == PATH_MEMORY) return -1;
  if (wrong != PATH_OK)
  {
    sa->len = 0;
    return refuse(s, at, wrong_paths[wrong][at == STAGE_RCPT]) < 0 ? -1 : 1;
  }
  own = is_own(s, sa, &host);
  if (own < 0)
  {
    sa->len = 0;
    s->want = SESSION_CLOSE;
    return refuse(s, at, "421 4.3.0 unable to figure out my IP addresses") < 0 ? -1 : 1;
  }
  if (own && localize(s, sa, host) < 0) return -1;
  return complete(s, sa) < 0 ? -1 : 0;
}

static int begin(session *s, int verdict)
{
  s->barred = verdict == SPP_GO && control_has_address(&s->config->control->badmailfrom, s->from.s);
  s->mail = 1;
  s->began = s->operations->now(s->operations->host);
  return reply(s, "250 2.1.0 ok");
}

/* Asked once a session, when it would make a difference. As a login does, it lets the client send everywhere. */
static int look_for_window(session *s)
{
  if (!s->config->window || s->window_asked || s->user.len || relayclient(s)) return 0;
  s->window_asked = 1;
  if (!s->operations->window(s->operations->host)) return 0;
  return spp_set(&s->spp, "RELAYCLIENT", "") < 0 || log_event(s, "window:", 0, 0) < 0 ? -1 : 0;
}

/* Returns 0, or the reply that refuses s->from. The null sender is that of a user's own reports and receipts. */
static char const *sender_wrong(session const *s)
{
  operations const *e = s->operations;
  int r;

  if (!s->config->sender_match || !s->user.len || !s->from.len) return 0;
  if (senders_allow(&s->config->control->senders, s->user.s, s->from.s)) return 0;
  r = e->leads(e->host, s->from.s, s->from.len, s->user.s);
  if (r > 0) return 0;
  return r ? "451 4.3.0 unable to find out whose address this is"
           : "553 5.7.1 you may not send as this address";
}

int command_mail(session *s, char const *argument)
{
  char const *wrong;
  char const *rest = 0;
  uint64_t size = 0;
  int r, wanted;

  if (look_for_window(s) < 0) return -1;
  wrong = mail_too_early(s);
  if (wrong && *wrong == '4') s->want = SESSION_CLOSE;
  if (wrong) return refuse(s, STAGE_MAIL, wrong);
  transaction_forget(s);
  s->utf8 = s->esmtp && wants_utf8(argument);
  r = scan(s, STAGE_MAIL, behind(argument, "FROM:"), &s->from, &rest);
  if (r) return r < 0 ? -1 : 0;
  wrong = parameters(s, rest, &size);
  if (wrong) return refuse(s, STAGE_MAIL, wrong);
  wrong = sender_wrong(s);
  if (wrong) return refuse(s, STAGE_MAIL, wrong);
  r = spp_refused_earlier(&s->spp, SPP_MAIL, &s->out);
  if (r) return r < 0 ? -1 : refused(s, STAGE_MAIL, s->reply = s->out.len - s->spp.later[0].len);
  s->spp.count = s->spp.tried = 0;
  r = plugins_run(s, SPP_MAIL, STAGE_MAIL, &s->from);
  if (r <= SPP_REFUSE) return r;
  if (s->config->databytes && size > s->config->databytes)
    return refuse(s, STAGE_MAIL, "552 5.3.4 sorry, that message size exceeds my databytes limit");
  s->policy.size = size;
  wanted = policy_run(s, POLICY_MAIL, STAGE_MAIL);
  if (wanted > SPP_REFUSE) wanted = milter_mail(s, rest);
  return wanted <= SPP_REFUSE ? wanted : begin(s, r);
}

char const *relayclient(session const *s)
{
  int unset;
  char const *value = spp_get(&s->spp, "RELAYCLIENT", &unset);

  return value || unset ? value : s->config->relayclient;
}

/* The reply to one that nobody gets, or 0. What a plugin relays elsewhere is none of our addresses. */
static char const *unknown_recipient(session const *s)
{
  char const *relay = relayclient(s);

  if (!s->config->check_recipients || (relay && *relay)) return 0;
  /* What a forwarded sender has become gets reports alone; whether it is one of ours, the spool sees. */
  if (!s->from.len && !s->config->local_only && srs_is(s->rcpt.s)) return 0;
  switch (s->operations->recipient(s->operations->host, s->rcpt.s, s->rcpt.len))
  {
    case 0: return "550 5.1.1 sorry, no mailbox here by that name";
    case -2: return "451 4.3.0 unable to look up the recipient";
    default: return 0;
  }
}

/* Returns 0, or the reply that refuses s->rcpt. verdict: what the plugins said; allowed: control_accepts. */
static char const *rcpt_checks(session *s, int verdict, int allowed)
{
  if (verdict != SPP_GO) return 0;
  if (control_has_address(&s->config->control->badrcptto, s->rcpt.s))
    return "553 5.7.1 sorry, that recipient is in my badrcptto list";
  if (allowed) return unknown_recipient(s);
  if (!relayclient(s)) return "553 5.7.1 sorry, that domain isn't in my list of allowed rcpthosts";
  return s->config->local_only ? "550 5.7.1 sorry, mail is only delivered here, not relayed" : 0;
}

static int rcpt_variables(session *s, int allowed)
{
  char text[UINT_FMT];

  text[uint_fmt(text, s->spp.count)] = 0;
  if (spp_set(&s->spp, "SMTPRCPTCOUNT", text) < 0) return -1;
  text[uint_fmt(text, ++s->spp.tried)] = 0;
  if (spp_set(&s->spp, "SMTPRCPTCOUNTALL", text) < 0) return -1;
  return spp_set(&s->spp, "SMTPRCPTHOSTSOK", allowed ? "1" : "0");
}

static int add_to_envelope(session *s)
{
  stralloc *e = &s->envelope;
  size_t before = e->len;
  char const *relay = relayclient(s); /* only now: a plugin may have moved it */
  int r;

  if (!stralloc_catb(e, "T", 1) || !stralloc_catb(e, s->rcpt.s, s->rcpt.len)) return -1;
  if (relay && !stralloc_cats(e, relay)) return -1;
  if (!stralloc_0(e)) return -1;
  r = seen(s, e->s + before + 1);
  if (r) e->len = before;
  return r;
}

/* A recipient that is named again gets the message once, and counts all the same. */
static int add_recipient(session *s)
{
  int verdict = plugins_run(s, SPP_PASS, STAGE_RCPT, &s->rcpt);

  if (verdict <= SPP_REFUSE) return verdict;
  if (add_to_envelope(s) < 0) return -1;
  s->recipients++;
  s->spp.count++;
  return reply(s, "250 2.1.5 ok");
}

static int rcpt(session *s)
{
  char const *wrong;
  int allowed = control_accepts(s->config->control, s->rcpt.s);
  int r = spp_refused_earlier(&s->spp, SPP_RCPT, &s->out);

  if (r) return r < 0 ? -1 : refused(s, STAGE_RCPT, s->reply = s->out.len - s->spp.later[1].len);
  if (allowed < 0)
  {
    s->want = SESSION_CLOSE;
    return refuse(s, STAGE_RCPT, "421 4.3.0 unable to read controls");
  }
  if (rcpt_variables(s, allowed || relayclient(s)) < 0) return -1;
  r = plugins_run(s, SPP_RCPT, STAGE_RCPT, &s->rcpt);
  if (r <= SPP_REFUSE) return r;
  wrong = rcpt_checks(s, r, allowed);
  if (wrong) return milter_rejected(s, wrong) < 0 ? -1 : refuse(s, STAGE_RCPT, wrong);
  r = policy_run(s, POLICY_RCPT, STAGE_RCPT);
  if (r > SPP_REFUSE) r = milter_rcpt(s);
  return r <= SPP_REFUSE ? r : add_recipient(s);
}

/* A client may send what is over in a second message (RFC 5321, 4.5.3.1.10): 421 would keep it from the first. */
static int too_many(session *s)
{
  static char const text[] = "452 4.5.3 too many recipients";
  return s->over++ < RECIPIENTS_OVER ? refuse_free(s, STAGE_RCPT, text) : refuse(s, STAGE_RCPT, text);
}

int command_rcpt(session *s, char const *argument)
{
  char const *rest = 0;
  int r;

  s->rcpt.len = 0;
  if (!s->mail) return refuse(s, STAGE_RCPT, "503 5.5.1 MAIL first");
  r = scan(s, STAGE_RCPT, behind(argument, "TO:"), &s->rcpt, &rest);
  if (r) return r < 0 ? -1 : 0;
  if (!s->rcpt.len) return refuse(s, STAGE_RCPT, "501 5.1.3 a recipient needs an address");
  if (rest[strspn(rest, " \t")]) return refuse(s, STAGE_RCPT, "555 5.5.4 parameter not recognized");
  if (s->barred)
    return refuse(s, STAGE_RCPT, "553 5.7.1 sorry, your envelope sender is in my badmailfrom list");
  return s->config->recipients && s->recipients >= s->config->recipients ? too_many(s) : rcpt(s);
}
