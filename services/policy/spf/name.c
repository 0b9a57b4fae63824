#include <string.h>
#include <strings.h>

#include "spf-internal.h"

#define CLIENT_NAMES 10 /* RFC 7208, 4.6.4 */

int dns_name_valid(char const *name)
{
  size_t label = 0, n = 0;

  for (; n <= DNS_NAME_MAX && name[n]; n++)
  {
    if (name[n] != '.')
      label++;
    else if (!label)
      return 0;
    else
      label = 0;
    if (label > 63) return 0;
  }
  return label && n <= DNS_NAME_MAX;
}

int spf_name_within(char const *name, char const *domain)
{
  size_t n = strlen(name), d = strlen(domain);

  if (n < d || strcasecmp(name + n - d, domain)) return 0;
  return n == d || name[n - d - 1] == '.';
}

int spf_same_network(unsigned char const *a, unsigned char const *b, unsigned int bits)
{
  unsigned int whole = bits / 8;

  if (memcmp(a, b, whole)) return 0;
  return !(bits % 8) || !((a[whole] ^ b[whole]) >> (8 - bits % 8));
}

size_t spf_ip_dotted(spf_run const *run, char *text)
{
  static char const hex[] = "0123456789ABCDEF";
  size_t n = 0;

  for (unsigned int i = 0; i < run->ip_len; i++)
  {
    unsigned int byte = run->ip[i];
    if (n) text[n++] = '.';
    if (run->ip_len == 16)
    {
      text[n++] = hex[byte >> 4];
      text[n++] = '.';
      text[n++] = hex[byte & 15];
      continue;
    }
    if (byte > 99) text[n++] = (char)('0' + byte / 100);
    if (byte > 9) text[n++] = (char)('0' + byte / 10 % 10);
    text[n++] = (char)('0' + byte % 10);
  }
  return n;
}

/* The client's address as a name below in-addr.arpa or ip6.arpa. */
static void reverse_name(spf_run const *run, char *name)
{
  char text[SPF_IP_MAX];
  size_t end = spf_ip_dotted(run, text), n = 0;

  while (end)
  {
    size_t start = end;
    while (start && text[start - 1] != '.') start--;
    memcpy(name + n, text + start, end - start);
    n += end - start;
    name[n++] = '.';
    end = start ? start - 1 : 0;
  }
  strcpy(name + n, run->ip_len == 4 ? "in-addr.arpa" : "ip6.arpa");
}

/* Whether one of the name's addresses is the client's: 1, 0, or -1: not known yet. */
static int confirmed(spf_run *run, char const *name)
{
  dns_answer const *a;

  if (!dns_name_valid(name)) return 0;
  a = run->q->lookup(run->q->world, name, run->ip_len == 4 ? DNS_A : DNS_AAAA);
  if (!a) return -1;
  if (a->status != DNS_FOUND) return 0;
  for (unsigned int i = 0; i < a->n; i++)
    if (a->records[i].len == run->ip_len && !memcmp(a->records[i].data, run->ip, run->ip_len)) return 1;
  return 0;
}

int spf_client_names(spf_run *run, spf_name_function *each, void *data, int *found)
{
  char name[DNS_NAME_MAX + 1];
  dns_answer const *a;
  int waits = 0;

  reverse_name(run, name);
  a = run->q->lookup(run->q->world, name, DNS_PTR);
  if (!a) return -1;
  if (found) *found = a->status == DNS_FOUND || a->status == DNS_FAILED;
  if (a->status != DNS_FOUND) return 0;
  /* All are asked for before the first is waited for. */
  for (unsigned int i = 0; i < a->n && i < CLIENT_NAMES; i++) waits |= confirmed(run, a->records[i].data) < 0;
  if (waits) return -1;
  for (unsigned int i = 0; i < a->n && i < CLIENT_NAMES; i++)
    if (confirmed(run, a->records[i].data) > 0)
    {
      int r = each(data, a->records[i].data);
      if (r) return r;
    }
  return 0;
}
