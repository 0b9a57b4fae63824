#include <arpa/inet.h>
#include <string.h>

#include <skalibs/types.h>

#include "rules-internal.h"

static unsigned char const mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int net_scan(char const *s, size_t n, unsigned char *ip)
{
  char buf[INET6_ADDRSTRLEN];
  unsigned char raw[16];

  if (!n || n >= sizeof buf) return 0;
  if (memchr(s, 0, n)) return 0;
  memcpy(buf, s, n);
  buf[n] = 0;
  memset(ip, 0, 16);
  if (!memchr(s, ':', n)) return inet_pton(AF_INET, buf, ip) == 1 ? 4 : 0;
  if (inet_pton(AF_INET6, buf, raw) != 1) return 0;
  if (memcmp(raw, mapped, sizeof mapped))
  {
    memcpy(ip, raw, 16);
    return 6;
  }
  memcpy(ip, raw + 12, 4);
  return 4;
}

int net_scan_prefix(char const *s, size_t n, unsigned char *ip, uint8_t *bits)
{
  char const *slash = memchr(s, '/', n);
  size_t len = slash ? (size_t)(slash - s) : n;
  char digits[4] = "";
  unsigned int u;
  int family = net_scan(s, len, ip);
  unsigned int most = family == 4 ? 32 : 128;

  if (!family) return 0;
  *bits = (uint8_t)most;
  if (!slash) return family;
  if (n - len - 1 >= sizeof digits || n - len - 1 == 0) return 0;
  memcpy(digits, slash + 1, n - len - 1);
  if (!uint0_scan(digits, &u)) return 0;
  /* ::ffff:0.0.0.0/96 is all of IPv4 */
  if (family == 4 && memchr(s, ':', len)) u = u < 96 ? most + 1 : u - 96;
  if (u > most) return 0;
  *bits = (uint8_t)u;
  return family;
}

int net_has(unsigned char const *net, unsigned int bits, unsigned char const *ip)
{
  unsigned int whole = bits / 8;

  if (memcmp(net, ip, whole)) return 0;
  return !(bits % 8) || !((net[whole] ^ ip[whole]) >> (8 - bits % 8));
}

void net_mask(unsigned char *ip, unsigned int bytes, unsigned int bits)
{
  for (unsigned int i = 0; i < bytes; i++)
  {
    if (bits >= (i + 1) * 8) continue;
    ip[i] = bits <= i * 8 ? 0 : (unsigned char)(ip[i] & 0xff << (8 - bits % 8));
  }
}
