#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "spf-internal.h"

/* RFC 7208, 4.6.4 */
#define TERMS_MAX 10
#define VOIDS_MAX 2
#define MX_MAX    10

static char const *const names[] = {"none",     "neutral",   "pass",      "fail",
                                    "softfail", "temperror", "permerror", "pending"};

char const *spf_result_name(spf_result r)
{
  return names[r];
}

static spf_result problem(spf_run *run, spf_result r, char const *domain, char const *what, size_t len)
{
  char *s = run->answer->problem;

  if (!*s)
    snprintf(s, SPF_WORDS_MAX, "%s: %.*s", domain, (int)(len > SPF_WORDS_MAX ? SPF_WORDS_MAX : len), what);
  for (; *s; s++)
    if (*s < 32 || *s > 126) *s = '?';
  return r;
}

static spf_result trouble(spf_run *run, spf_result r, char const *domain, char const *what)
{
  return problem(run, r, domain, what, strlen(what));
}

static spf_result check_host(spf_run *run, char const *domain);

/* What a record says: its terms, and its two modifiers. */
typedef struct record_s record;
struct record_s
{
  char const *terms;
  size_t len;
  spf_term redirect, exp; /* text 0: there is none */
};

/* Finds the domain's one record (RFC 7208, 4.4, 4.5). Returns SPF_PASS; otherwise what check_host returns. */
static spf_result record_find(spf_run *run, char const *domain, record *r)
{
  dns_answer const *a = run->q->lookup(run->q->world, domain, DNS_TXT);
  dns_record const *found = 0;

  if (!a) return SPF_PENDING;
  if (a->status == DNS_FAILED) return trouble(run, SPF_TEMPERROR, domain, "the DNS does not answer");
  for (unsigned int i = 0; a->status == DNS_FOUND && i < a->n; i++)
  {
    dns_record const *one = &a->records[i];
    if (one->len < 6 || strncasecmp(one->data, "v=spf1", 6) || (one->len > 6 && one->data[6] != ' '))
      continue;
    if (found) return trouble(run, SPF_PERMERROR, domain, "more than one SPF record");
    found = one;
  }
  if (!found) return SPF_NONE;
  r->terms = found->data + 6;
  r->len = found->len - 6;
  return SPF_PASS;
}

/* All of it is looked at before anything is done (RFC 7208, 4.6). */
static spf_result record_read(spf_run *run, char const *domain, record *r)
{
  char const *s = r->terms;
  size_t len = r->len;
  spf_term t;
  int more;

  r->redirect.text = r->exp.text = 0;
  while ((more = spf_term_next(&s, &len, &t)) > 0)
  {
    spf_term *once = t.kind == SPF_REDIRECT ? &r->redirect : t.kind == SPF_EXP ? &r->exp : 0;
    if (once && once->text) return problem(run, SPF_PERMERROR, domain, t.text, t.len);
    if (once) *once = t;
  }
  return more < 0 ? problem(run, SPF_PERMERROR, domain, t.text, t.len) : SPF_PASS;
}

/* How a mechanism ended: the result for the whole record, or one of these two. */
#define MATCHES    SPF_PASS
#define NO_MATCH   SPF_NONE
#define ADDRESS(r) ((r)->ip_len == 4 ? DNS_A : DNS_AAAA)

/* A term's own question: to too many of these there may be no answer. */
static spf_result ask(spf_run *run, char const *name, dns_type type, dns_answer const **a)
{
  *a = run->q->lookup(run->q->world, name, type);
  if (!*a) return SPF_PENDING;
  if ((*a)->status == DNS_FAILED) return trouble(run, SPF_TEMPERROR, name, "the DNS does not answer");
  if ((*a)->status == DNS_FOUND && (*a)->n) return MATCHES;
  if (++run->voids > VOIDS_MAX) return trouble(run, SPF_PERMERROR, name, "too many names that do not exist");
  return NO_MATCH;
}

static spf_result match_addresses(spf_run const *run, spf_term const *t, dns_answer const *a)
{
  unsigned int bits = run->ip_len == 4 ? t->bits4 : t->bits6;

  for (unsigned int i = 0; a->status == DNS_FOUND && i < a->n; i++)
    if (a->records[i].len == run->ip_len &&
        spf_same_network((unsigned char const *)a->records[i].data, run->ip, bits))
      return MATCHES;
  return NO_MATCH;
}

static spf_result match_a(spf_run *run, spf_term const *t, char const *name)
{
  dns_answer const *a;
  spf_result r = ask(run, name, ADDRESS(run), &a);

  return r == MATCHES ? match_addresses(run, t, a) : r;
}

static spf_result match_mx(spf_run *run, spf_term const *t, char const *name)
{
  dns_answer const *mx, *a;
  spf_result r = ask(run, name, DNS_MX, &mx);

  if (r != MATCHES) return r;
  if (mx->n > MX_MAX) return trouble(run, SPF_PERMERROR, name, "more than 10 MX records");
  /* All are asked for before the first is waited for. */
  for (unsigned int i = 0; i < mx->n; i++)
    if (dns_name_valid(mx->records[i].data) &&
        !run->q->lookup(run->q->world, mx->records[i].data, ADDRESS(run)))
      r = SPF_PENDING;
  if (r == SPF_PENDING) return r;
  for (unsigned int i = 0; i < mx->n; i++)
  {
    if (!dns_name_valid(mx->records[i].data)) continue;
    a = run->q->lookup(run->q->world, mx->records[i].data, ADDRESS(run));
    if (!a) return SPF_PENDING;
    if (a->status == DNS_FAILED)
      return trouble(run, SPF_TEMPERROR, mx->records[i].data, "the DNS does not answer");
    if (match_addresses(run, t, a) == MATCHES) return MATCHES;
  }
  return NO_MATCH;
}

static int is_within(void *domain, char const *name)
{
  return spf_name_within(name, domain);
}

static spf_result match_ptr(spf_run *run, char *name)
{
  int found = 1;
  int r = spf_client_names(run, &is_within, name, &found);

  if (r < 0) return SPF_PENDING;
  if (!found && ++run->voids > VOIDS_MAX)
    return trouble(run, SPF_PERMERROR, name, "too many names that do not exist");
  return r ? MATCHES : NO_MATCH;
}

/* RFC 7208, 5.2 */
static spf_result match_include(spf_run *run, char const *name)
{
  spf_result r;

  run->included++;
  r = check_host(run, name);
  run->included--;
  switch (r)
  {
    case SPF_PASS: return MATCHES;
    case SPF_FAIL:
    case SPF_SOFTFAIL:
    case SPF_NEUTRAL: return NO_MATCH;
    case SPF_NONE: return trouble(run, SPF_PERMERROR, name, "it is included, and has no SPF record");
    default: return r;
  }
}

static spf_result match_name(spf_run *run, spf_term const *t, char const *domain)
{
  char name[DNS_NAME_MAX + 1];
  dns_answer const *a;

  if (run->terms++ == TERMS_MAX)
    return trouble(run, SPF_PERMERROR, domain, "more than 10 terms that ask the DNS");
  switch (spf_expand_name(run, domain, t->spec, t->spec_len, name))
  {
    case -1: return SPF_PENDING;
    case 0: return t->kind == SPF_INCLUDE ? problem(run, SPF_PERMERROR, domain, t->text, t->len) : NO_MATCH;
  }
  switch (t->kind)
  {
    case SPF_INCLUDE: return match_include(run, name);
    case SPF_A: return match_a(run, t, name);
    case SPF_MX: return match_mx(run, t, name);
    case SPF_PTR: return match_ptr(run, name);
    default: return ask(run, name, DNS_A, &a);
  }
}

static spf_result match(spf_run *run, spf_term const *t, char const *domain)
{
  unsigned int bits = t->kind == SPF_IP4 ? t->bits4 : t->bits6;

  switch (t->kind)
  {
    case SPF_ALL: return MATCHES;
    case SPF_IP4:
    case SPF_IP6:
      if (run->ip_len != (t->kind == SPF_IP4 ? 4 : 16)) return NO_MATCH;
      return spf_same_network(t->ip, run->ip, bits) ? MATCHES : NO_MATCH;
    case SPF_REDIRECT:
    case SPF_EXP:
    case SPF_UNKNOWN: return NO_MATCH;
    default: return match_name(run, t, domain);
  }
}

/* The domain's own words for a refusal; without them, or with any trouble, there are none (RFC 7208, 6.2). */
static spf_result explain(spf_run *run, record const *r, char const *domain)
{
  char name[DNS_NAME_MAX + 1];
  dns_answer const *a;
  int known;

  if (run->included || !r->exp.text) return SPF_FAIL;
  known = spf_expand_name(run, domain, r->exp.spec, r->exp.spec_len, name);
  if (known <= 0) return known < 0 ? SPF_PENDING : SPF_FAIL;
  a = run->q->lookup(run->q->world, name, DNS_TXT);
  if (!a) return SPF_PENDING;
  if (a->status != DNS_FOUND || a->n != 1) return SPF_FAIL;
  return spf_expand_explanation(run, domain, a->records->data, a->records->len) < 0 ? SPF_PENDING : SPF_FAIL;
}

static spf_result redirect(spf_run *run, record const *r, char const *domain)
{
  char name[DNS_NAME_MAX + 1];
  spf_result result = SPF_NONE;

  if (run->terms++ == TERMS_MAX)
    return trouble(run, SPF_PERMERROR, domain, "more than 10 terms that ask the DNS");
  switch (spf_expand_name(run, domain, r->redirect.spec, r->redirect.spec_len, name))
  {
    case -1: return SPF_PENDING;
    case 1: result = check_host(run, name);
  }
  return result == SPF_NONE ? problem(run, SPF_PERMERROR, domain, r->redirect.text, r->redirect.len) : result;
}

static spf_result check_host(spf_run *run, char const *domain)
{
  record r = {.len = 0};
  spf_term t;
  char const *s;
  size_t len;
  spf_result result = record_find(run, domain, &r);

  if (result != SPF_PASS || (result = record_read(run, domain, &r)) != SPF_PASS) return result;
  s = r.terms;
  len = r.len;
  while (spf_term_next(&s, &len, &t) > 0)
  {
    result = match(run, &t, domain);
    if (result == NO_MATCH) continue;
    if (result != MATCHES) return result;
    snprintf(run->answer->mechanism, SPF_WORDS_MAX, "%.*s",
             (int)(t.len < SPF_WORDS_MAX ? t.len : SPF_WORDS_MAX), t.text);
    return t.result == SPF_FAIL ? explain(run, &r, domain) : t.result;
  }
  *run->answer->mechanism = 0; /* of an `include` that did not match */
  return r.redirect.text ? redirect(run, &r, domain) : SPF_NEUTRAL;
}

spf_result spf_check(spf_question const *q, spf_answer *answer)
{
  static unsigned char const mapped[12] = {[10] = 0xff, 0xff};
  char const *at = strrchr(q->sender, '@');
  spf_run run = {
      .q = q, .ip = q->ip, .ip_len = q->ip_len, .local = "postmaster", .local_len = 10, .answer = answer};
  char domain[DNS_NAME_MAX + 2];
  size_t n;

  answer->result = SPF_NONE;
  *answer->mechanism = *answer->problem = *answer->explanation = 0;
  if (q->ip_len == 16 && !memcmp(q->ip, mapped, sizeof mapped))
  {
    run.ip += 12;
    run.ip_len = 4;
  }
  if (at && at > q->sender)
  {
    run.local = q->sender;
    run.local_len = (size_t)(at - q->sender);
  }
  run.origin = !*q->sender ? q->helo : at ? at + 1 : q->sender;
  n = strlen(run.origin);
  if (n && run.origin[n - 1] == '.') n--;
  if (!n || n > DNS_NAME_MAX || run.local_len > SPF_SENDER_MAX) return SPF_NONE;
  memcpy(domain, run.origin, n);
  domain[n] = 0;
  run.origin = domain;
  /* An address literal, a name of one label or an impossible one has no record (RFC 7208, 4.3). */
  if (*domain == '[' || !strchr(domain, '.') || !dns_name_valid(domain)) return SPF_NONE;
  answer->result = check_host(&run, domain);
  if (answer->result != SPF_FAIL) *answer->explanation = 0;
  if (answer->result == SPF_TEMPERROR || answer->result == SPF_PERMERROR)
    *answer->mechanism = 0;
  else
    *answer->problem = 0;
  return answer->result;
}
