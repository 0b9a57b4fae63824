#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "names.h"

#define NAMES_MAX 10

dns_answer const *names_lookup(question *q, char const *name, dns_type type)
{
  dns_answer const *a = q->lookup(q->world, name, type);

  if (!a) q->waits = 1;
  return a;
}

void names_reversed(question const *q, char *to)
{
  static char const hex[] = "0123456789abcdef";
  unsigned char const *ip = q->address;

  if (q->address_len == 4)
  {
    snprintf(to, DNS_NAME_MAX, "%u.%u.%u.%u", ip[3], ip[2], ip[1], ip[0]);
    return;
  }
  for (unsigned int i = 16; i--;)
  {
    *to++ = hex[ip[i] & 15];
    *to++ = '.';
    *to++ = hex[ip[i] >> 4];
    *to++ = '.';
  }
  to[-1] = 0;
}

dns_answer const *names_of_client(question *q)
{
  char name[DNS_NAME_MAX + 1];

  names_reversed(q, name);
  strcat(name, q->address_len == 4 ? ".in-addr.arpa" : ".ip6.arpa");
  return names_lookup(q, name, DNS_PTR);
}

static forward forward_of(question *q, char const *name)
{
  dns_type own = q->address_len == 4 ? DNS_A : DNS_AAAA, other = own == DNS_A ? DNS_AAAA : DNS_A;
  dns_answer const *a;

  if (!dns_name_valid(name)) return FORWARD_NONE;
  a = names_lookup(q, name, own);
  if (!a || a->status == DNS_FAILED) return FORWARD_UNKNOWN;
  for (unsigned int i = 0; i < a->n; i++)
    if (a->records[i].len == q->address_len && !memcmp(a->records[i].data, q->address, q->address_len))
      return FORWARD_CONFIRMED;
  if (a->n) return FORWARD_OTHER;
  if (a->status == DNS_NXDOMAIN) return FORWARD_NONE;
  a = names_lookup(q, name, other);
  return !a || a->status == DNS_FAILED ? FORWARD_UNKNOWN : a->n ? FORWARD_OTHER : FORWARD_NONE;
}

forward names_forward(question *q, dns_answer const *ptr)
{
  int seen[4] = {0};

  for (unsigned int i = 0; i < ptr->n && i < NAMES_MAX; i++) seen[forward_of(q, ptr->records[i].data)] = 1;
  return seen[FORWARD_CONFIRMED] ? FORWARD_CONFIRMED
         : seen[FORWARD_UNKNOWN] ? FORWARD_UNKNOWN
         : seen[FORWARD_OTHER]   ? FORWARD_OTHER
                                 : FORWARD_NONE;
}

int names_has_address(question const *q, char const *name)
{
  static char const separators[] = ".-_";
  unsigned char const *ip = q->address;
  char text[32];

  if (q->address_len != 4) return 0;
  for (char const *s = separators; *s; s++)
  {
    snprintf(text, sizeof text, "%u%c%u%c%u%c%u", ip[0], *s, ip[1], *s, ip[2], *s, ip[3]);
    if (strstr(name, text)) return 1;
    snprintf(text, sizeof text, "%u%c%u%c%u%c%u", ip[3], *s, ip[2], *s, ip[1], *s, ip[0]);
    if (strstr(name, text)) return 1;
  }
  snprintf(text, sizeof text, "%03u%03u%03u%03u", ip[0], ip[1], ip[2], ip[3]);
  if (strstr(name, text)) return 1;
  snprintf(text, sizeof text, "%02x%02x%02x%02x", ip[0], ip[1], ip[2], ip[3]);
  return strcasestr(name, text) != 0;
}

mail_domain names_mail_domain(question *q, char const *domain)
{
  dns_answer const *mx, *a, *aaaa;

  if (*domain == '[') return MAIL_DOMAIN_GOOD;
  if (!dns_name_valid(domain)) return MAIL_DOMAIN_UNKNOWN;
  mx = names_lookup(q, domain, DNS_MX);
  if (!mx || mx->status == DNS_FAILED) return MAIL_DOMAIN_SILENT;
  if (mx->status == DNS_NXDOMAIN) return MAIL_DOMAIN_UNKNOWN;
  if (mx->n) return mx->n == 1 && !mx->records->len ? MAIL_DOMAIN_NULL_MX : MAIL_DOMAIN_GOOD;
  a = names_lookup(q, domain, DNS_A);
  aaaa = names_lookup(q, domain, DNS_AAAA);
  if (!a || !aaaa) return MAIL_DOMAIN_SILENT;
  if (a->n || aaaa->n) return MAIL_DOMAIN_GOOD;
  return a->status == DNS_FAILED || aaaa->status == DNS_FAILED ? MAIL_DOMAIN_SILENT : MAIL_DOMAIN_UNKNOWN;
}
