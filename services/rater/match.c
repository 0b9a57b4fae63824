#include <arpa/inet.h>
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

void class_match(class const *c, char const *value, size_t n, int whole, subject *s)
{
  rule const *r = genalloc_s(rule, &c->rules);
  unsigned char ip[16];
  uint8_t bits;
  int family = 0;

  if (c->nets) family = whole ? net_scan_prefix(value, n, ip, &bits) : net_scan(value, n, ip);
  s->key = value;
  s->len = n;
  for (size_t i = genalloc_len(rule, &c->rules); i; i--, r++)
  {
    if (r->family ? r->family != family || !net_has(r->net, r->bits, ip)
                  : !r->any && !glob_match(r->pattern, r->len, value, n))
      continue;
    s->rule = r;
    if (r->family) subject_addresses(s, r, ip);
    return;
  }
  s->rule = 0;
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
