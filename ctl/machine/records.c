#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/djbunix.h>

#include <runlib/nets.h>

#include <services/contract/kinds.h>

#include <ctl/machine/records.h>

#define NAME_SIZE 300
#define DATA_SIZE 512

typedef struct records_s records;
struct records_s
{
  genalloc *list;
  stralloc *notes;
  bundle const *b;
  section const *dns; /* 0: the file has none */
  char const *host;
};

int records_add(genalloc *list, char const *name, char const *type, char const *data, char const *why,
                int optional)
{
  dnsrecord r = {.name = strdup(name), .type = type, .data = strdup(data), .why = why, .optional = optional};

  if (r.name && r.data && genalloc_append(dnsrecord, list, &r)) return 0;
  free(r.name);
  free(r.data);
  return -1;
}

void records_free(genalloc *list)
{
  dnsrecord *r = genalloc_s(dnsrecord, list);

  for (size_t n = genalloc_len(dnsrecord, list); n; n--, r++)
  {
    free(r->name);
    free(r->data);
  }
  genalloc_free(dnsrecord, list);
}

/* What [dns] says, or its default. */
static char const *records_says(records const *r, char const *name)
{
  static section_kind const *kind;
  key const *k;

  if (r->dns) return section_text(r->dns, name);
  if (!kind) kind = kinds_section("dns");
  k = kind ? key_find(kind, name) : 0;
  return k ? k->fallback : 0;
}

/* --- addresses -------------------------------------------------------------------------------------- */

static int records_is_public(struct in_addr const *a)
{
  static char const *const others[] = {
      "0.0.0.0/8",    "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8",     "169.254.0.0/16", "172.16.0.0/12",
      "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"};
  char text[INET_ADDRSTRLEN];
  net one, other;

  if (!inet_ntop(AF_INET, a, text, sizeof text) || !nets_scan(text, &one)) return 0;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (nets_scan(others[i], &other) && nets_has(&other, &one)) return 0;
  return 1;
}

/* 1.0.168.192.in-addr.arpa., or nibbles below ip6.arpa. */
static void records_reverse(char name[NAME_SIZE], int family, unsigned char const *ip)
{
  char *s = name;

  if (family == AF_INET)
  {
    snprintf(name, NAME_SIZE, "%u.%u.%u.%u.in-addr.arpa.", ip[3], ip[2], ip[1], ip[0]);
    return;
  }
  for (int i = 15; i >= 0; i--) s += sprintf(s, "%x.%x.", ip[i] & 15, ip[i] >> 4);
  strcpy(s, "ip6.arpa.");
}

static int records_address(records *r, char const *host, char const *address)
{
  unsigned char ip[16];
  char text[INET6_ADDRSTRLEN], name[NAME_SIZE];
  int family = strchr(address, ':') ? AF_INET6 : AF_INET;

  if (inet_pton(family, address, ip) != 1)
    return service_append(r->notes, "; [dns] address: \"%s\" is not an address\n", address);
  inet_ntop(family, ip, text, sizeof text);
  records_reverse(name, family, ip);
  return records_add(r->list, host, family == AF_INET ? "A" : "AAAA", text, "nobody finds the host", 0) < 0
             ? -1
             : records_add(r->list, name, "PTR", host,
                           "many servers refuse mail from an address whose name is missing or leads "
                           "elsewhere; it is set "
                           "with who gave you the address",
                           0);
}

/* Those of the interfaces; IPv6 ones may be temporary, which an interface does not tell. */
static int records_interfaces(records *r, char const *host)
{
  struct ifaddrs *all;
  int n = 0;

  if (getifaddrs(&all) < 0) return 0;
  for (struct ifaddrs const *i = all; i && n >= 0; i = i->ifa_next)
  {
    struct in_addr const *a = i->ifa_addr ? &((struct sockaddr_in const *)i->ifa_addr)->sin_addr : 0;
    char text[INET_ADDRSTRLEN];
    if (!a || i->ifa_addr->sa_family != AF_INET || i->ifa_flags & IFF_LOOPBACK || !records_is_public(a))
      continue;
    n = records_address(r, host, inet_ntop(AF_INET, a, text, sizeof text)) < 0 ? -1 : n + 1;
  }
  freeifaddrs(all);
  return n;
}

static int records_addresses(records *r, char const *host)
{
  value const *v;
  size_t n = 0;
  int found;

  for (; r->dns && (v = section_nth(r->dns, "address", n)); n++)
    if (records_address(r, host, v->text) < 0) return -1;
  if (n) return 0;
  found = records_interfaces(r, host);
  if (found) return found < 0 ? -1 : 0;
  if (service_append(
          r->notes,
          "; The addresses that the world knows %s by are not known here: say them in [dns], as address\n",
          r->host) < 0)
    return -1;
  return records_add(r->list, host, "A", "*", "nobody finds the host", 0);
}

/* --- services that mail programs look for ------------------------------------------------------------ */

typedef struct lookup_s lookup;
struct lookup_s
{
  char const *section;
  char const *key;
  char const *plain; /* TLS by STARTTLS */
  char const *tls;   /* from the first byte */
};

/* An address that others reach: ADDRESS:PORT or ADDRESS:PORT/tls. */
static int records_service(records *r, lookup const *l, char const *domain, char const *word, size_t len)
{
  char text[128], name[NAME_SIZE], data[DATA_SIZE];
  char *colon, *label;

  if (len >= sizeof text) return 0;
  memcpy(text, word, len);
  text[len] = 0;
  label = strchr(text, '/');
  if (label) *label++ = 0;
  colon = strrchr(text, ':');
  if (!colon || !strncmp(text, "127.", 4) || !strncmp(text, "[::1]", 5) || !strncmp(text, "localhost:", 10))
    return 0;
  snprintf(name, sizeof name, "_%s._tcp.%s.", label && !strcmp(label, "tls") ? l->tls : l->plain, domain);
  snprintf(data, sizeof data, "0 1 %s %s.", colon + 1, r->host);
  return records_add(r->list, name, "SRV", data, "mail programs do not find it by themselves", 1);
}

static int records_services(records *r, char const *domain)
{
  static lookup const all[] = {{"submission", "listen", "submission", "submissions"},
                               {"imap", "listen", "imap", "imaps"},
                               {"imap", "pop3", "pop3", "pop3s"}};
  value const *v;

  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
  {
    section const *s = bundle_section(r->b, all[i].section);
    for (size_t n = 0; s && (v = section_nth(s, all[i].key, n)); n++)
    {
      char const *list = v->text, *word;
      for (size_t len; (len = list_word(&list, &word));)
        if (records_service(r, all + i, domain, word, len) < 0) return -1;
    }
  }
  return 0;
}

/* --- a domain ---------------------------------------------------------------------------------------- */

static int records_add_below(records *r, char const *below, char const *domain, char const *data,
                             char const *why, int optional)
{
  char name[NAME_SIZE];

  snprintf(name, sizeof name, "%s%s.", below, domain);
  return records_add(r->list, name, "TXT", data, why, optional);
}

/* The id is another when what it is about is. */
static int records_sts(records *r, char const *domain)
{
  char const *mode = records_says(r, "mta-sts");
  char id[33], data[DATA_SIZE];
  size_t n = 0;

  if (!mode || !strcmp(mode, "no")) return 0;
  for (char const *s = mode; *s && n < 7; s++) id[n++] = *s;
  for (char const *s = r->host; *s && n < 32; s++)
    if (isalnum((unsigned char)*s)) id[n++] = *s;
  id[n] = 0;
  snprintf(data, sizeof data, "v=STSv1; id=%s", id);
  if (service_append(r->notes,
                     "; https://mta-sts.%s/.well-known/mta-sts.txt must say, on four lines:\n"
                     ";   version: STSv1\n;   mode: %s\n;   mx: %s\n;   max_age: 604800\n",
                     domain, mode, r->host) < 0)
    return -1;
  return records_add_below(r, "_mta-sts.", domain, data, "senders do not know that they are to insist on TLS",
                           0);
}

static int records_caa(records *r, char const *name)
{
  char const *who = records_says(r, "caa");
  char data[DATA_SIZE];

  if (!who || !*who) return 0;
  snprintf(data, sizeof data, "0 issue \"%s\"", who);
  return records_add(r->list, name, "CAA", data,
                     "who is not named there may not issue certificates; without any, everybody may", 1);
}

static int records_domain(records *r, char const *domain)
{
  char name[NAME_SIZE], data[DATA_SIZE];

  snprintf(name, sizeof name, "%s.", domain);
  snprintf(data, sizeof data, "10 %s.", r->host);
  if (records_add(r->list, name, "MX", data, "mail for the domain does not come here", 0) < 0 ||
      records_add(r->list, name, "TXT", records_says(r, "spf"),
                  "others cannot tell our mail from what is forged, and refuse or sort out both", 0) < 0 ||
      records_add_below(r, "_dmarc.", domain, records_says(r, "dmarc"),
                        "large receivers refuse or sort out mail of domains without it", 0) < 0)
    return -1;
  snprintf(data, sizeof data, "v=TLSRPTv1; rua=mailto:postmaster@%s", domain);
  return records_sts(r, domain) < 0 ||
                 records_add_below(r, "_smtp._tls.", domain, data, "nobody tells us that TLS does not work",
                                   1) < 0 ||
                 records_services(r, domain) < 0
             ? -1
             : records_caa(r, name);
}

/* control/rcpthosts, a domain a line; those that begin with a dot are patterns. */
static int records_rcpthosts(records *r)
{
  stralloc path = STRALLOC_ZERO, text = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/rcpthosts", r->b->control) == 0 && stralloc_0(&path)) result = 0;
  if (!result && openslurpclose(&text, path.s) && stralloc_0(&text))
    for (char *s = text.s, *next; !result && *s; s = next)
    {
      size_t n = strcspn(s, " \t\r\n");
      next = s + strcspn(s, "\n");
      next += *next == '\n';
      s[n] = 0;
      if (n && n < 256 && *s != '.' && *s != '#') result = records_domain(r, s);
    }
  stralloc_free(&path);
  stralloc_free(&text);
  return result;
}

static int records_domains(records *r)
{
  value const *v;
  size_t n = 0;

  for (; r->dns && (v = section_nth(r->dns, "domain", n)); n++)
    if (records_domain(r, v->text) < 0) return -1;
  return n ? 0 : records_rcpthosts(r);
}

int records_gather(genalloc *list, stralloc *notes, bundle const *b)
{
  records r = {.list = list, .notes = notes, .b = b, .dns = bundle_section(b, "dns"), .host = b->hostname};
  char host[NAME_SIZE];

  if (strlen(b->hostname) >= 256) return (errno = ENAMETOOLONG, -1);
  snprintf(host, sizeof host, "%s.", b->hostname);
  return records_domains(&r) < 0 || records_add_dkim(list, notes, b) < 0 || records_addresses(&r, host) < 0 ||
                 records_add_tlsa(list, notes, b, b->hostname) < 0
             ? -1
             : 0;
}
