#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "rdata.h"

unsigned int rdata_type(char const *name)
{
  static struct
  {
    char const *name;
    unsigned int type;
  } const types[] = {{"A", DNS_A},     {"AAAA", DNS_AAAA}, {"MX", DNS_MX},     {"PTR", DNS_PTR},
                     {"TXT", DNS_TXT}, {"SRV", DNS_SRV},   {"TLSA", DNS_TLSA}, {"CAA", DNS_CAA}};

  for (unsigned int i = 0; i < sizeof types / sizeof *types; i++)
    if (!strcmp(types[i].name, name)) return types[i].type;
  return 0;
}

static int rdata_words(stralloc *sa, char const *words)
{
  return stralloc_cats(sa, words) ? 0 : -1;
}

static int rdata_bytes(stralloc *sa, unsigned char const *s, size_t len)
{
  for (; len; s++, len--)
    if (!stralloc_catb(sa, *s < ' ' || *s > '~' ? "?" : (char const *)s, 1)) return -1;
  return 0;
}

static int rdata_address(stralloc *sa, int family, unsigned char const *s)
{
  char text[INET6_ADDRSTRLEN];
  return rdata_words(sa, inet_ntop(family, s, text, sizeof text) ? text : "?");
}

/* The numbers (16 bits) that stand before a name, and the name. */
static int rdata_name(stralloc *sa, dns_answer const *a, dns_record const *r, unsigned int numbers)
{
  unsigned char const *s = (unsigned char const *)a->message.s + r->at;
  char name[DNS_NAME], number[8];

  if (r->len <= 2 * numbers || dns_answer_name(a, r->at + 2 * numbers, name) < 0) return (errno = EPROTO, -1);
  for (; numbers; numbers--, s += 2)
  {
    snprintf(number, sizeof number, "%d ", s[0] << 8 | s[1]);
    if (rdata_words(sa, number) < 0) return -1;
  }
  return rdata_bytes(sa, (unsigned char const *)name, strlen(name)) < 0 ? -1 : rdata_words(sa, ".");
}

static int rdata_txt(stralloc *sa, unsigned char const *s, size_t len)
{
  for (size_t n; len; s += n, len -= n)
  {
    n = 1u + *s;
    if (n > len) return (errno = EPROTO, -1);
    if (rdata_bytes(sa, s + 1, n - 1) < 0) return -1;
  }
  return 0;
}

static int rdata_tlsa(stralloc *sa, unsigned char const *s, size_t len)
{
  char text[16];

  snprintf(text, sizeof text, "%u %u %u ", s[0], s[1], s[2]);
  if (rdata_words(sa, text) < 0) return -1;
  for (s += 3, len -= 3; len; s++, len--)
  {
    snprintf(text, sizeof text, "%02x", *s);
    if (rdata_words(sa, text) < 0) return -1;
  }
  return 0;
}

static int rdata_caa(stralloc *sa, unsigned char const *s, size_t len)
{
  char flags[8];
  size_t tag = s[1];

  if (len < 2 + tag) return (errno = EPROTO, -1);
  snprintf(flags, sizeof flags, "%u ", s[0]);
  if (rdata_words(sa, flags) < 0 || rdata_bytes(sa, s + 2, tag) < 0 || rdata_words(sa, " \"") < 0 ||
      rdata_bytes(sa, s + 2 + tag, len - 2 - tag) < 0)
    return -1;
  return rdata_words(sa, "\"");
}

int rdata_text(stralloc *sa, dns_answer const *a, unsigned int i, unsigned int type)
{
  dns_record const *r = a->records + i;
  unsigned char const *s = (unsigned char const *)a->message.s + r->at;

  switch (type)
  {
    case DNS_A:
      if (r->len == 4) return rdata_address(sa, AF_INET, s);
      break;
    case DNS_AAAA:
      if (r->len == 16) return rdata_address(sa, AF_INET6, s);
      break;
    case DNS_MX: return rdata_name(sa, a, r, 1);
    case DNS_SRV: return rdata_name(sa, a, r, 3);
    case DNS_PTR: return rdata_name(sa, a, r, 0);
    case DNS_TXT: return rdata_txt(sa, s, r->len);
    case DNS_TLSA:
      if (r->len > 3) return rdata_tlsa(sa, s, r->len);
      break;
    case DNS_CAA:
      if (r->len > 2) return rdata_caa(sa, s, r->len);
      break;
    default: break;
  }
  return (errno = EPROTO, -1);
}

static char const *rdata_behind(char const *s, unsigned int words)
{
  for (; words && *s; words--, s += *s == ' ') s += strcspn(s, " ");
  return s;
}

static int rdata_same_text(char const *one, char const *other)
{
  for (;; one++, other++)
  {
    one += strspn(one, " \t");
    other += strspn(other, " \t");
    if (*one != *other) return 0;
    if (!*one) return 1;
  }
}

int rdata_same(unsigned int type, char const *one, char const *other)
{
  unsigned int words = type == DNS_MX ? 1 : type == DNS_SRV ? 2 : 0;

  if (type == DNS_TXT) return rdata_same_text(one, other);
  return !strcasecmp(rdata_behind(one, words), rdata_behind(other, words));
}
