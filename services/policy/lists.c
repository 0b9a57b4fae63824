#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lists.h"

/* Of those who offer it to everybody: what they ask in everybody's name is refused by most lists. */
static char const *const public_resolvers[] = {
    "8.8.8.8",        "8.8.4.4",        "1.1.1.1",          "1.0.0.1",          "9.9.9.9",  "149.112.112.112",
    "208.67.222.222", "208.67.220.220", "2001:4860:4860::", "2606:4700:4700::", "2620:fe::"};

static unsigned int test_resolver(settings const *s, resolver *r)
{
  char server[RESOLVE_SERVER];

  if (!genalloc_len(dnslist, &s->dnslists)) return 0;
  for (unsigned int i = 0; resolver_server(r, i, server); i++)
    for (unsigned int k = 0; k < sizeof public_resolvers / sizeof public_resolvers[0]; k++)
    {
      size_t n = strlen(public_resolvers[k]);
      if (strncmp(server, public_resolvers[k], n) || (server[n] && public_resolvers[k][n - 1] != ':'))
        continue;
      printf("%s is a public resolver: most DNS lists do not answer it; run one of your own (resolver)\n",
             server);
      return 1;
    }
  return 0;
}

/* Whether the answer has a code that means "listed". */
static int lists(dnslist const *d, dns_answer const *a)
{
  for (unsigned int i = 0; i < a->n; i++)
  {
    uint32_t code;
    memcpy(&code, a->records[i].data, 4);
    for (unsigned int k = 0; k < d->n; k++)
      if (ntohl(code) >= d->codes[k].from && ntohl(code) <= d->codes[k].to) return 1;
  }
  return 0;
}

/* What is wrong with the answers; 0: nothing. */
static char const *fault(dnslist const *d, dns_answer const *there, dns_answer const *absent)
{
  if (!there || !absent || there->status == DNS_FAILED || absent->status == DNS_FAILED)
    return "it does not answer";
  if (absent->n) return "it lists what no list has: the resolver makes up answers, or the list has ended";
  if (!there->n) return "it does not list what every list has: there is no such list, or we may not ask it";
  return lists(d, there)
             ? 0
             : "what every list has it lists with another code: we may not ask it, or the codes are wrong";
}

static dns_answer const *ask(lookups *l, dnslist const *d, char const *v4, char const *domain)
{
  char name[DNS_NAME_MAX + 1];

  if (snprintf(name, sizeof name, "%s.%s", d->kind == RHSBL ? domain : v4, d->name) >= (int)sizeof name)
    return 0;
  return lookups_find(l, name, DNS_A);
}

unsigned int lists_test(settings const *s, resolver *r, unsigned int ms)
{
  lookups l = {.resolver = r};
  unsigned int said = test_resolver(s, r);

  for (int round = 0; round < 2; round++)
  {
    dnslist const *d = genalloc_s(dnslist, &s->dnslists);
    for (size_t n = genalloc_len(dnslist, &s->dnslists); n; n--, d++)
    {
      dns_answer const *there = ask(&l, d, "2.0.0.127", "test"), *absent = ask(&l, d, "1.0.0.127", "invalid");
      char const *wrong = round ? fault(d, there, absent) : 0;
      if (wrong) printf("%s: %s\n", d->name, wrong);
      said += wrong != 0;
    }
    if (!round) lookups_wait(&l, ms);
  }
  lookups_free(&l);
  return said;
}
