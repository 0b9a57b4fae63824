#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dnslist.h"
#include "names.h"

/* Whether somebody wants to know. */
static int wanted(question const *q, condition first, condition last)
{
  for (condition c = first; c <= last; c++)
    if (q->settings->actions[c] != ACTION_OFF) return 1;
  return 0;
}

/*
 * The condition is met. codes: "550 5.7.1"; silent: nobody could tell, so that the answer can only be a
 * temporary one. Later refusals change nothing.
 */
static void met(question const *q, verdict *v, condition c, int silent, char const *codes, char const *format,
                ...) __attribute__((format(printf, 6, 7)));
static void met(question const *q, verdict *v, condition c, int silent, char const *codes, char const *format,
                ...)
{
  action a = q->settings->actions[c];
  va_list args;
  int n;

  if (a == ACTION_OBSERVE) v->observed |= 1u << c;
  if (a == ACTION_GREYLIST && v->suspected == CONDITIONS) v->suspected = c;
  if (a < ACTION_TEMPFAIL || v->refused != CONDITIONS) return;
  v->refused = c;
  v->code = condition_kinds[c].code;
  if (a == ACTION_TEMPFAIL || silent)
    n = snprintf(v->text, sizeof v->text, "451 4%s ", codes + 5);
  else
    n = snprintf(v->text, sizeof v->text, "%s ", codes);
  va_start(args, format);
  vsnprintf(v->text + n, sizeof v->text - (size_t)n, format, args);
  va_end(args);
}

static int allow(verdict *v, char const *why)
{
  v->allowed = why;
  return 1;
}

/* Whether one of the client's names, whose address is its own, is on the list. */
static int named(question *q, list const *l)
{
  dns_answer const *ptr;

  if (!l->sources.len) return 0;
  ptr = names_of_client(q);
  if (!ptr || ptr->status != DNS_FOUND || names_forward(q, ptr) != FORWARD_CONFIRMED) return 0;
  for (unsigned int i = 0; i < ptr->n; i++)
    if (list_has_name(l, ptr->records[i].data)) return 1;
  return 0;
}

/* A name to block need not be confirmed: nobody would claim it. */
static int blocked_name(question *q, list const *l)
{
  dns_answer const *ptr = l->sources.len ? names_of_client(q) : 0;

  for (unsigned int i = 0; ptr && ptr->status == DNS_FOUND && i < ptr->n; i++)
    if (list_has_name(l, ptr->records[i].data)) return 1;
  return 0;
}

static int allowed(question *q, verdict *v)
{
  policy_request const *r = q->request;
  list const *l = q->settings->allow;

  if (!strncasecmp(r->recipient, "postmaster@", 11) || !strcasecmp(r->recipient, "postmaster"))
    return allow(v, "postmaster");
  if (list_has_address(&l[LIST_ADDRESS], q->ip)) return allow(v, "allow-address");
  if (list_has_mail(&l[LIST_SENDER], r->sender)) return allow(v, "allow-sender");
  if (list_has_mail(&l[LIST_RECIPIENT], r->recipient)) return allow(v, "allow-recipient");
  if (named(q, &l[LIST_RDNS])) return allow(v, "allow-rdns");
  return dnslists_white(q) ? allow(v, "dnswl") : 0;
}

static void check_blocks(question *q, verdict *v)
{
  static char const codes[] = "554 5.7.1";
  policy_request const *r = q->request;
  list const *l = q->settings->block;

  if (list_has_address(&l[LIST_ADDRESS], q->ip))
    met(q, v, BLOCK_ADDRESS, 0, codes, "your address %s is blocked here", r->client_address);
  if (blocked_name(q, &l[LIST_RDNS])) met(q, v, BLOCK_RDNS, 0, codes, "your host name is blocked here");
  if (list_has_mail(&l[LIST_SENDER], r->sender))
    met(q, v, BLOCK_SENDER, 0, codes, "sender %s is blocked here", r->sender);
  if (list_has_mail(&l[LIST_RECIPIENT], r->recipient))
    met(q, v, BLOCK_RECIPIENT, 0, codes, "recipient %s takes no mail", r->recipient);
}

static int has_keyword(stralloc const *keywords, char const *name)
{
  for (size_t i = 0; i < keywords->len; i += strlen(keywords->s + i) + 1)
    if (strcasestr(name, keywords->s + i)) return 1;
  return 0;
}

/* A name that an access provider made of the address. */
static void check_made_name(question *q, verdict *v, char const *name)
{
  char const *dot = strrchr(name, '.');

  if (!names_has_address(q, name)) return;
  if (has_keyword(&q->settings->keywords, name))
    met(q, v, RDNS_KEYWORD, 0, "554 5.7.1",
        "your host name %s is that of a dial-up line; send by your provider", name);
  if (dot && strlen(dot) == 3)
    met(q, v, RDNS_COUNTRY, 0, "554 5.7.1",
        "your host name %s is that of a dial-up line; send by your provider", name);
}

static void check_rdns(question *q, verdict *v)
{
  static char const missing[] = "your address %s has no name in the DNS";
  char const *ip = q->request->client_address;
  dns_answer const *ptr;

  if (!wanted(q, RDNS_MISSING, RDNS_COUNTRY) || !(ptr = names_of_client(q))) return;
  if (ptr->status != DNS_FOUND)
  {
    met(q, v, RDNS_MISSING, ptr->status == DNS_FAILED, "550 5.7.25", missing, ip);
    return;
  }
  if (wanted(q, RDNS_UNRESOLVED, RDNS_UNCONFIRMED))
  {
    forward f = names_forward(q, ptr);
    v->confirmed = f == FORWARD_CONFIRMED;
    if (f == FORWARD_NONE || f == FORWARD_UNKNOWN)
      met(q, v, RDNS_UNRESOLVED, f == FORWARD_UNKNOWN, "550 5.7.25", "your host name %s has no address",
          ptr->records->data);
    if (f != FORWARD_CONFIRMED)
      met(q, v, RDNS_UNCONFIRMED, f == FORWARD_UNKNOWN, "550 5.7.25",
          "your host name %s has another address than %s", ptr->records->data, ip);
  }
  for (unsigned int i = 0; i < ptr->n; i++) check_made_name(q, v, ptr->records[i].data);
}

/* RFC 5321, 4.1.1.1: a host name, or an address between brackets. */
static int helo_valid(char const *helo)
{
  size_t n = strlen(helo);

  if (*helo == '[')
    return n > 2 && helo[n - 1] == ']' && strspn(helo + 1, "0123456789abcdefABCDEF.:IPvip6") == n - 2;
  return strspn(helo, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == n &&
         strchr(helo, '.') && dns_name_valid(helo);
}

static int parse_address(char const *text, unsigned char ip[16])
{
  static unsigned char const mapped[12] = {[10] = 0xff, 0xff};

  memcpy(ip, mapped, sizeof mapped);
  return inet_pton(AF_INET, text, ip + sizeof mapped) == 1 || inet_pton(AF_INET6, text, ip) == 1;
}

/* Names and addresses have several spellings: a dot at the end, `IPv6:`, zeros left out. */
static int helo_is_ours(question const *q)
{
  char const *helo = q->request->helo_name, *hostname = q->settings->hostname;
  size_t n = strlen(helo);
  unsigned char theirs[16], own[16];
  char text[64];

  if (*helo != '[')
  {
    if (n && helo[n - 1] == '.') n--;
    return n == strlen(hostname) && !strncasecmp(helo, hostname, n);
  }
  helo += strncasecmp(helo + 1, "IPv6:", 5) ? 1 : 6;
  n = strcspn(helo, "]");
  if (n >= sizeof text) return 0;
  memcpy(text, helo, n);
  text[n] = 0;
  return parse_address(text, theirs) && parse_address(q->request->server_address, own) &&
         !memcmp(theirs, own, sizeof own);
}

static void check_helo(question *q, verdict *v)
{
  char const *helo = q->request->helo_name;

  if (!helo_valid(helo)) met(q, v, HELO_INVALID, 0, "550 5.5.2", "your HELO, %s, is no host name", helo);
  if (helo_is_ours(q)) met(q, v, HELO_OURS, 0, "550 5.7.1", "your HELO, %s, is my name", helo);
}

static void check_lists(question *q, verdict *v)
{
  score s;

  if (q->settings->actions[LISTED] == ACTION_OFF) return;
  dnslists_score(q, &s);
  if (!s.first || s.sum < q->settings->threshold) return;
  met(q, v, LISTED, 0, "554 5.7.1", "%s (%s)", s.text, s.what);
  if (v->refused == LISTED && s.first->kind == RHSBL) v->code = "DENIED_RHSBL_MATCH";
}

static spf_question spf_question_of(question const *q, char const *sender)
{
  spf_question const sq = {.ip = q->address,
                           .ip_len = q->address_len,
                           .sender = sender,
                           .helo = q->request->helo_name,
                           .receiver = q->settings->hostname,
                           .now = q->now,
                           .lookup = q->lookup,
                           .world = q->world};

  return sq;
}

static spf_result ask_spf(question *q, char const *sender, spf_answer *a)
{
  spf_question const sq = spf_question_of(q, sender);

  if (spf_check(&sq, a) == SPF_PENDING) q->waits = 1;
  return a->result;
}

static void check_spf(question *q, verdict *v)
{
  policy_request const *r = q->request;
  spf_answer helo;
  condition c;

  /* Greylisting wants to know who is vouched for. */
  if (wanted(q, SPF_IS_NONE, SPF_IS_PERMERROR) || q->settings->greylist_all)
  {
    c = (condition)(SPF_IS_NONE + (int)ask_spf(q, r->sender, &v->spf));
    v->spf_done = v->spf.result != SPF_PENDING;
    if (v->spf.result == SPF_TEMPERROR || v->spf.result == SPF_PERMERROR)
      met(q, v, c, v->spf.result == SPF_TEMPERROR, "550 5.7.24", "SPF: %s", v->spf.problem);
    else if (v->spf_done)
      met(q, v, c, 0, "550 5.7.23", "SPF: %s",
          *v->spf.explanation         ? v->spf.explanation
          : v->spf.result == SPF_FAIL ? "your address may not send mail for that domain"
                                      : spf_result_name(v->spf.result));
  }
  if (wanted(q, SPF_HELO_FAIL, SPF_HELO_FAIL) && ask_spf(q, "", &helo) == SPF_FAIL)
    met(q, v, SPF_HELO_FAIL, 0, "550 5.7.23", "SPF: %s",
        *helo.explanation ? helo.explanation : "your address may not call itself by that HELO");
}

static void check_sender(question *q, verdict *v)
{
  char const *domain = strrchr(q->request->sender, '@');

  if (!domain || !wanted(q, SENDER_UNKNOWN, SENDER_NULL_MX)) return;
  switch (names_mail_domain(q, domain + 1))
  {
    case MAIL_DOMAIN_GOOD: break;
    case MAIL_DOMAIN_UNKNOWN:
      met(q, v, SENDER_UNKNOWN, 0, "550 5.1.8", "the sender's domain %s does not exist", domain + 1);
      break;
    case MAIL_DOMAIN_SILENT:
      met(q, v, SENDER_UNKNOWN, 1, "550 5.1.8", "the DNS does not tell whether the sender's domain exists");
      break;
    case MAIL_DOMAIN_NULL_MX:
      met(q, v, SENDER_NULL_MX, 0, "550 5.7.27", "the sender's domain %s takes no mail", domain + 1);
  }
}

int judge_address(question *q)
{
  static unsigned char const mapped[12] = {[10] = 0xff, 0xff};

  if (!parse_address(q->request->client_address, q->ip)) return 0;
  q->address_len = memcmp(q->ip, mapped, sizeof mapped) ? 16 : 4;
  q->address = q->ip + 16 - q->address_len;
  return 1;
}

int judge(question *q, verdict *v)
{
  static void (*const checks[])(question *, verdict *) = {check_blocks, check_rdns, check_helo,
                                                          check_lists,  check_spf,  check_sender};
  static verdict const fresh = {.refused = CONDITIONS, .suspected = CONDITIONS};

  *v = fresh;
  q->waits = 0;
  if (!judge_address(q)) return allow(v, "no address");
  if (allowed(q, v)) return 1;
  for (unsigned int i = 0; i < sizeof checks / sizeof checks[0]; i++)
  {
    checks[i](q, v);
    /* What comes before it is known: nothing after it can change that. */
    if (v->refused != CONDITIONS && !q->waits) return 1;
  }
  return !q->waits;
}

void judge_received_spf(question const *q, verdict const *v, char *field, size_t size)
{
  spf_question const sq = spf_question_of(q, q->request->sender);

  spf_received(&sq, &v->spf, field, size);
}

void judge_results(question const *q, verdict const *v, char *field, size_t size)
{
  policy_request const *r = q->request;
  char const *domain = strrchr(r->sender, '@');
  int n = snprintf(field, size, "Authentication-Results: %s; spf=%s smtp.%s=%.255s", q->settings->hostname,
                   spf_result_name(v->spf.result), *r->sender ? "mailfrom" : "helo",
                   domain ? domain + 1 : r->helo_name);

  /* A stranger's bytes in a header field */
  for (int i = 0; i < n && field[i]; i++)
    if (field[i] < 32 || field[i] >= 127 || strchr("\"\\()", field[i])) field[i] = '?';
}
