#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include <skalibs/fmtscan.h>

#include "ownip.h"

/* 0.0.0.0 is this machine: RFC 1122, 3.2.1.3 (a). */
static int reached_is(char const *reached, char const *ip, size_t len)
{
  char x[16];
  size_t n = len == 4 ? ip4_scan(reached, x) : ip6_scan(reached, x);

  return (n && !reached[n] && !memcmp(x, ip, len)) || (len == 4 && !memcmp(ip, "\0\0\0", 4));
}

static int interface_has(struct ifaddrs const *i, char const *ip, size_t len)
{
  struct sockaddr const *a = i->ifa_addr;

  if (!a || !(i->ifa_flags & IFF_UP)) return 0;
  if (len == 4) return a->sa_family == AF_INET && !memcmp(&((struct sockaddr_in const *)a)->sin_addr, ip, 4);
  return a->sa_family == AF_INET6 && !memcmp(&((struct sockaddr_in6 const *)a)->sin6_addr, ip, 16);
}

int ownip(char const *reached, char const *ip, size_t len)
{
  struct ifaddrs *list;
  int found = 0;

  if (reached_is(reached, ip, len)) return 1;
  if (getifaddrs(&list) < 0) return -1;
  for (struct ifaddrs const *i = list; i && !found; i = i->ifa_next) found = interface_has(i, ip, len);
  freeifaddrs(list);
  return found;
}
