#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "mx.h"

static uint32_t by_chance(void)
{
  uint32_t u = 0;

  (void)!getrandom(&u, sizeof u, 0);
  return u;
}

/* --- pure ---------------------------------------------------------------------------------------- */

static int by_preference(void const *a, void const *b)
{
  exchanger const *x = a, *y = b;

  if (x->preference != y->preference) return x->preference < y->preference ? -1 : 1;
  return x->chance < y->chance ? -1 : x->chance > y->chance;
}

static int by_host(void const *a, void const *b)
{
  target const *x = a, *y = b;

  if (x->host != y->host) return x->host < y->host ? -1 : 1;
  return x->chance < y->chance ? -1 : x->chance > y->chance;
}

unsigned int mx_read(mx_list *l, dns_answer const *a, uint32_t (*chance)(void))
{
  l->hosts = 0;
  for (unsigned int i = 0; i < a->n && l->hosts < MX_HOSTS; i++)
  {
    exchanger *x = l->host + l->hosts;
    size_t at = a->records[i].at;
    if (a->records[i].len < 3 || dns_answer_name(a, at + 2, x->name) < 0) continue;
    x->preference = (unsigned int)(unsigned char)a->message.s[at] << 8 | (unsigned char)a->message.s[at + 1];
    x->chance = chance();
    x->secure = a->secure;
    l->hosts++;
  }
  qsort(l->host, l->hosts, sizeof *l->host, &by_preference);
  return l->hosts;
}

static int is_own(exchanger const *x, char const *me, int (*own)(uint8_t const *, unsigned int))
{
  if (me && !strcasecmp(x->name, me)) return 1;
  for (unsigned int i = 0; i < x->a.n; i++)
    if (x->a.records[i].len == 4 && own((uint8_t const *)x->a.message.s + x->a.records[i].at, 4)) return 1;
  for (unsigned int i = 0; i < x->aaaa.n; i++)
    if (x->aaaa.records[i].len == 16 && own((uint8_t const *)x->aaaa.message.s + x->aaaa.records[i].at, 16))
      return 1;
  return 0;
}

static void add(mx_list *l, exchanger const *x, dns_answer const *a, unsigned int len,
                uint32_t (*chance)(void))
{
  for (unsigned int i = 0; i < a->n && l->n < MX_ADDRESSES; i++)
  {
    target *t = l->target + l->n;
    if (a->records[i].len != len) continue;
    t->host = x;
    t->chance = chance();
    t->family = len == 4 ? 4 : 6;
    memcpy(t->ip, a->message.s + a->records[i].at, len);
    l->n++;
  }
}

mx_state mx_order(mx_list *l, char const *me, int (*own)(uint8_t const *, unsigned int),
                  uint32_t (*chance)(void))
{
  unsigned int most = 65536;
  int failed = 0;

  l->n = 0;
  for (unsigned int i = 0; own && i < l->hosts; i++)
    if (l->host[i].preference < most && is_own(l->host + i, me, own)) most = l->host[i].preference;
  for (exchanger const *x = l->host; x < l->host + l->hosts && x->preference < most; x++)
  {
    add(l, x, &x->aaaa, 16, chance);
    add(l, x, &x->a, 4, chance);
    failed |= x->a.state == DNS_FAILED || x->aaaa.state == DNS_FAILED;
  }
  qsort(l->target, l->n, sizeof *l->target, &by_host);
  if (l->n) return MX_FOUND;
  if (l->hosts && l->host[0].preference >= most)
  {
    l->why = "this machine is the domain's best mail exchanger, and the domain is not among its own (#5.4.6)";
    return MX_LOOP;
  }
  l->why = failed ? "the DNS could not tell the mail exchangers' addresses (#4.4.3)"
                  : "no mail exchanger of the domain has an address (#5.4.4)";
  return failed ? MX_LATER : MX_NONE;
}

/* --- asking -------------------------------------------------------------------------------------- */

static struct ifaddrs *interfaces;

void mx_init(void)
{
  (void)getifaddrs(&interfaces);
}

static int is_this_machine(uint8_t const *ip, unsigned int len)
{
  static uint8_t const none[16];

  if (len == 4 && (ip[0] == 127 || !ip[0])) return 1;
  if (len == 16 && (!memcmp(ip, none, 16) || (!memcmp(ip, none, 15) && ip[15] == 1))) return 1;
  for (struct ifaddrs const *i = interfaces; i; i = i->ifa_next)
  {
    struct sockaddr const *a = i->ifa_addr;
    if (!a || a->sa_family != (len == 4 ? AF_INET : AF_INET6)) continue;
    if (!memcmp(len == 4 ? (void const *)&((struct sockaddr_in const *)a)->sin_addr
                         : (void const *)&((struct sockaddr_in6 const *)a)->sin6_addr,
                ip, len))
      return 1;
  }
  return 0;
}

/* All hosts' addresses and, where they could be trusted, certificates (RFC 7672, 2.2) at once. */
static void ask_hosts(mx_list *l, unsigned int port)
{
  for (exchanger *x = l->host; x < l->host + l->hosts; x++)
  {
    char name[DNS_NAME + 16];
    dns_ask(x->name, DNS_A, &x->a);
    dns_ask(x->name, DNS_AAAA, &x->aaaa);
    snprintf(name, sizeof name, "_%u._tcp.%s", port, x->name);
    if (x->secure && dns_is_local()) dns_ask(name, DNS_TLSA, &x->tlsa);
  }
  dns_wait();
}

/* Without MX records, the domain itself is the host. */
static mx_state hosts_of(mx_list *l, char const *domain)
{
  dns_answer mx = DNS_ANSWER_ZERO;
  mx_state state = MX_FOUND;

  dns_ask(domain, DNS_MX, &mx);
  dns_wait();
  if (mx.state == DNS_FAILED)
  {
    l->why = "the DNS could not tell the domain's mail exchangers (#4.4.3)";
    state = MX_LATER;
  }
  else if (mx.state == DNS_NXDOMAIN)
  {
    l->why = "there is no such domain (#5.1.2)";
    state = MX_NONE;
  }
  else if (!mx_read(l, &mx, &by_chance))
  {
    l->hosts = 1;
    l->host[0].secure = mx.secure;
    snprintf(l->host[0].name, sizeof l->host[0].name, "%s", domain);
  }
  else if (l->hosts == 1 && !*l->host[0].name)
  {
    l->why = "the domain takes no mail (#5.1.10)"; /* RFC 7505 */
    state = MX_NONE;
  }
  stralloc_free(&mx.message);
  return state;
}

/* Returns 1 if relay was an address in brackets, which is now the one target. */
static int literal(mx_list *l, char const *relay)
{
  target *t = l->target;
  char text[INET6_ADDRSTRLEN];
  size_t n = strlen(relay);

  if (n < 3 || n - 2 >= sizeof text || relay[0] != '[' || relay[n - 1] != ']') return 0;
  memcpy(text, relay + 1, n - 2);
  text[n - 2] = 0;
  *t = (target){.host = l->host, .family = strchr(text, ':') ? 6 : 4};
  l->n = inet_pton(t->family == 6 ? AF_INET6 : AF_INET, text, t->ip) == 1;
  return (int)l->n;
}

mx_state mx_find(mx_list *l, char const *domain, char const *me)
{
  mx_state state = MX_NONE;

  l->why = "the domain's name is too long (#5.1.2)";
  if (strlen(domain) < DNS_NAME) state = literal(l, domain) ? MX_FOUND : hosts_of(l, domain);
  if (state != MX_FOUND) return state;
  if (!l->n)
  {
    ask_hosts(l, 25);
    return mx_order(l, me, &is_this_machine, &by_chance);
  }
  if (!is_this_machine(l->target->ip, l->target->family == 4 ? 4 : 16)) return MX_FOUND;
  l->why = "the address is this machine's, and is not among its own domains (#5.4.6)";
  return MX_LOOP;
}

mx_state mx_relay(mx_list *l, char const *relay, unsigned int port)
{
  l->hosts = 1;
  l->host[0].secure = 1;
  snprintf(l->host[0].name, sizeof l->host[0].name, "%s", relay);
  if (literal(l, relay)) return MX_FOUND;
  ask_hosts(l, port);
  return mx_order(l, 0, 0, &by_chance);
}
