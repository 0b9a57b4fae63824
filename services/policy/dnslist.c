#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "dnslist.h"
#include "names.h"

#define UNUSABLE_FOR 600 /* seconds until such a list is tried again */

typedef enum listing_e
{
  NOT_LISTED,
  IS_LISTED
} listing;

static void unusable(question *q, dnslist *d, char const *why)
{
  if (d->unusable <= q->now) strerr_warnw("DNS list ", d->name, ": ", why, ": not used for 10 minutes");
  d->unusable = q->now + UNUSABLE_FOR;
}

/*
 * 127.255.255.x is no listing but "you may not ask, or not by that resolver"; 127.0.0.1, and what is outside
 * 127/8, comes of a resolver that makes up answers. Either would refuse everybody.
 */
static listing read_codes(question *q, dnslist *d, dns_answer const *a)
{
  listing found = NOT_LISTED;

  for (unsigned int i = 0; i < a->n; i++)
  {
    uint32_t code;
    memcpy(&code, a->records[i].data, 4);
    code = ntohl(code);
    if (code >> 8 == 0x7fffff)
      return unusable(q, d, "it says that we may not ask it, or not through this resolver"), NOT_LISTED;
    if (code >> 24 != 127 || code == 0x7f000001)
      return unusable(q, d, "the resolver makes up answers"), NOT_LISTED;
    for (unsigned int k = 0; k < d->n; k++)
      if (code >= d->codes[k].from && code <= d->codes[k].to) found = IS_LISTED;
  }
  return found;
}

static listing ask(question *q, dnslist *d, char const *what, char *name)
{
  dns_answer const *a;

  if (snprintf(name, DNS_NAME_MAX + 1, "%s.%s", what, d->name) > DNS_NAME_MAX || !dns_name_valid(name))
    return NOT_LISTED;
  a = names_lookup(q, name, DNS_A);
  return a && a->status == DNS_FOUND ? read_codes(q, d, a) : NOT_LISTED;
}

static void note(question *q, score *s, dnslist const *d, char const *what, char const *name)
{
  dns_answer const *a;

  s->sum += d->weight;
  if (s->first) return;
  s->first = d;
  snprintf(s->what, sizeof s->what, "%s", what);
  if (d->reply)
    snprintf(s->text, sizeof s->text, "%s", d->reply);
  else if ((a = names_lookup(q, name, DNS_TXT)) && a->status == DNS_FOUND && a->records->len)
    snprintf(s->text, sizeof s->text, "%.*s", (int)a->records->len, a->records->data);
  else
    snprintf(s->text, sizeof s->text, "%s is listed by %s", what, d->name);
}

static void score_domain(question *q, score *s, dnslist *d, char const *domain)
{
  char name[DNS_NAME_MAX + 1];

  if (domain && strchr(domain, '.') && *domain != '[' && ask(q, d, domain, name) == IS_LISTED)
    note(q, s, d, domain, name);
}

static void score_rhsbl(question *q, score *s, dnslist *d)
{
  char const *at = strrchr(q->request->sender, '@');

  if (d->of & RHSBL_SENDER && at) score_domain(q, s, d, at + 1);
  if (d->of & RHSBL_HELO) score_domain(q, s, d, q->request->helo_name);
  if (d->of & RHSBL_RDNS)
  {
    dns_answer const *ptr = names_of_client(q);
    if (ptr && ptr->status == DNS_FOUND) score_domain(q, s, d, ptr->records->data);
  }
}

void dnslists_score(question *q, score *s)
{
  char reversed[DNS_NAME_MAX + 1], name[DNS_NAME_MAX + 1];
  dnslist *d = genalloc_s(dnslist, &q->settings->dnslists);

  memset(s, 0, sizeof *s);
  names_reversed(q, reversed);
  for (size_t n = genalloc_len(dnslist, &q->settings->dnslists); n; n--, d++)
  {
    if (d->kind == DNSWL || d->unusable > q->now) continue;
    if (d->kind == RHSBL)
      score_rhsbl(q, s, d);
    else if (ask(q, d, reversed, name) == IS_LISTED)
      note(q, s, d, q->request->client_address, name);
  }
}

int dnslists_white(question *q)
{
  char reversed[DNS_NAME_MAX + 1], name[DNS_NAME_MAX + 1];
  dnslist *d = genalloc_s(dnslist, &q->settings->dnslists);
  int found = 0;

  names_reversed(q, reversed);
  for (size_t n = genalloc_len(dnslist, &q->settings->dnslists); n; n--, d++)
    if (d->kind == DNSWL && d->unusable <= q->now) found |= ask(q, d, reversed, name) == IS_LISTED;
  return found;
}
