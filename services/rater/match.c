#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include <skalibs/types.h>

#include "glob.h"
#include "rules-internal.h"

class *rules_class(rules *r, char const *name, size_t n)
{
  for (unsigned int i = 0; i < r->n; i++)
    if (r->classes[i].len == n && !memcmp(r->classes[i].name, name, n)) return &r->classes[i];
  return 0;
}

static void subject_addresses(subject *s, rule const *r, unsigned char const *ip)
{
  unsigned int bytes = r->family == 4 ? 4 : 16;

  s->buf[0] = (char)r->family;
  s->buf[1] = (char)r->group;
  memcpy(s->buf + 2, ip, bytes);
  net_mask((unsigned char *)s->buf + 2, bytes, r->group);
  s->key = s->buf;
  s->len = bytes + 2;
}

static int is_address(char const *s, size_t n, unsigned char *ip)
{
  for (size_t i = 0; i < n; i++)
    if (!isxdigit((unsigned char)s[i]) && s[i] != '.' && s[i] != ':') return 0;
  return net_scan(s, n, ip);
}

size_t value_canonical(char *out, char const *value, size_t n)
{
  unsigned char ip[16];
  int family = is_address(value, n, ip);

  if (family && inet_ntop(family == 4 ? AF_INET : AF_INET6, ip, out, INET6_ADDRSTRLEN)) return strlen(out);
  while (n > 1 && value[n - 1] == '.') n--;
  for (size_t i = 0; i < n; i++)
    out[i] = (char)(value[i] >= 'A' && value[i] <= 'Z' ? value[i] - 'A' + 'a' : value[i]);
  return n;
}

/* Whether r is about the address or network ip/bits: a network must be a group of r's. */
static int net_match(rule const *r, int family, unsigned char const *ip, uint8_t bits)
{
  unsigned int bytes = family == 4 ? 4 : 16;
  unsigned char masked[16];

  if (r->family != family || !net_has(r->net, r->bits, ip)) return 0;
  if (bits == bytes * 8) return 1;
  memcpy(masked, ip, sizeof masked);
  net_mask(masked, bytes, bits);
  return bits == r->group && !memcmp(masked, ip, sizeof masked);
}

void class_match(class const *c, char const *value, size_t n, int whole, subject *s)
{
  rule const *r = genalloc_s(rule, &c->rules);
  unsigned char ip[16];
  uint8_t bits = 0;
  int family = 0;

  if (c->nets && (whole || !memchr(value, '/', n))) family = net_scan_prefix(value, n, ip, &bits);
  s->key = value;
  s->len = n;
  for (size_t i = genalloc_len(rule, &c->rules); i; i--, r++)
  {
    if (r->family ? !net_match(r, family, ip, bits) : !r->any && !glob_match(r->pattern, r->len, value, n))
      continue;
    s->rule = r;
    if (r->family) subject_addresses(s, r, ip);
    return;
  }
  s->rule = 0;
}

uint64_t window_hash(uint64_t hash, unsigned int i)
{
  hash ^= i * 0x9e3779b97f4a7c15ull;
  return hash ? hash : 1;
}

size_t subject_name(subject const *s, char const *value, size_t len, char *out, size_t n)
{
  char text[INET6_ADDRSTRLEN + 4];

  if (s->rule && s->rule->family)
  {
    int v4 = s->rule->family == 4;
    inet_ntop(v4 ? AF_INET : AF_INET6, s->buf + 2, text, INET6_ADDRSTRLEN);
    len = strlen(text);
    if (s->rule->group < (v4 ? 32 : 128))
    {
      text[len++] = '/';
      len += uint_fmt(text + len, s->rule->group);
    }
    value = text;
  }
  if (len > n) len = n;
  memcpy(out, value, len);
  return len;
}
