#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/types.h>

#include <runlib/nets.h>

static unsigned char const mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void mask(unsigned char *ip, unsigned int bits)
{
  for (unsigned int i = 0; i < 16; i++)
    ip[i] = bits >= (i + 1) * 8 ? ip[i] : bits <= i * 8 ? 0 : (unsigned char)(ip[i] & 0xff << (8 - bits % 8));
}

/* Completes `192.0.` in text, which has room for it. Returns how many bits were said. */
static unsigned int complete(char *text)
{
  size_t len = strlen(text);
  unsigned int dots = 0;

  for (char const *s = text; *s; s++) dots += *s == '.';
  if (!len || text[len - 1] != '.' || dots > 3) return 32;
  text[len - 1] = 0;
  for (unsigned int i = dots; i < 4; i++) strcat(text, ".0");
  return 8 * dots;
}

int nets_scan(char const *word, net *to)
{
  char text[NET_FMT];
  char *slash;
  unsigned int bits = 128, least = 0;

  if (strlen(word) >= sizeof text - 8) return 0;
  strcpy(text, word);
  slash = strchr(text, '/');
  if (slash) *slash++ = 0;
  memset(to, 0, sizeof *to);
  to->until = NET_EVER;
  if (!strchr(text, ':'))
  {
    bits = slash ? 32 : complete(text);
    least = 96;
    memcpy(to->ip, mapped, sizeof mapped);
  }
  if (inet_pton(least ? AF_INET : AF_INET6, text, least ? to->ip + 12 : to->ip) != 1) return 0;
  if (slash && (!uint0_scan(slash, &bits) || bits + least > 128)) return 0;
  to->bits = (unsigned char)(bits + least);
  mask(to->ip, to->bits);
  return 1;
}

unsigned int nets_fmt(char *s, net const *n)
{
  int four = n->bits >= 96 && !memcmp(n->ip, mapped, sizeof mapped);
  size_t len;

  inet_ntop(four ? AF_INET : AF_INET6, four ? n->ip + 12 : n->ip, s, NET_FMT);
  len = strlen(s);
  if (n->bits < 128)
  {
    s[len++] = '/';
    len += uint_fmt(s + len, four ? n->bits - 96u : n->bits);
  }
  s[len] = 0;
  return (unsigned int)len;
}

int nets_has(net const *n, net const *m)
{
  net same = *m;

  if (m->bits < n->bits) return 0;
  mask(same.ip, n->bits);
  return !memcmp(same.ip, n->ip, sizeof n->ip);
}

static int by_place(void const *a, void const *b)
{
  net const *n = a, *m = b;

  return n->bits != m->bits ? (n->bits > m->bits ? 1 : -1) : memcmp(n->ip, m->ip, sizeof n->ip);
}

/* Of one network said twice, the entry that lasts longest comes first, and is the only one that is kept. */
static int by_place_and_time(void const *a, void const *b)
{
  net const *n = a, *m = b;
  int order = by_place(a, b);

  return order ? order : n->until == m->until ? 0 : n->until < m->until ? 1 : -1;
}

int nets_add(nets *s, net const *n)
{
  s->sizes[n->bits] = 1;
  return genalloc_append(net, &s->list, n) ? 0 : -1;
}

void nets_sort(nets *s)
{
  net *list = genalloc_s(net, &s->list);
  size_t n = genalloc_len(net, &s->list), kept = 0;

  if (!n) return;
  qsort(list, n, sizeof *list, &by_place_and_time);
  for (size_t i = 0; i < n; i++)
    if (!kept || by_place(list + kept - 1, list + i)) list[kept++] = list[i];
  genalloc_setlen(net, &s->list, kept);
}

net const *nets_find(nets const *s, unsigned char const *ip, uint64_t now)
{
  net const *list = genalloc_s(net, &s->list);
  size_t n = genalloc_len(net, &s->list);
  net key = {.bits = 0};

  for (unsigned int bits = 0; n && bits <= 128; bits++)
    if (s->sizes[bits])
    {
      net const *found;
      key.bits = (unsigned char)bits;
      memcpy(key.ip, ip, 16);
      mask(key.ip, bits);
      found = bsearch(&key, list, n, sizeof key, &by_place);
      if (found && found->until > now) return found;
    }
  return 0;
}

void nets_free(nets *s)
{
  genalloc_free(net, &s->list);
  memset(s->sizes, 0, sizeof s->sizes);
}
