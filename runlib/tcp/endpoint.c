#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <skalibs/fmtscan.h>
#include <skalibs/types.h>

#include <runlib/tcp/endpoint.h>

static unsigned char const mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int endpoint_from(endpoint *e, struct sockaddr_storage const *sa)
{
  struct sockaddr_in const *in = (struct sockaddr_in const *)sa;
  struct sockaddr_in6 const *in6 = (struct sockaddr_in6 const *)sa;

  memset(e, 0, sizeof *e);
  if (sa->ss_family == AF_INET)
  {
    e->family = 4;
    e->port = ntohs(in->sin_port);
    memcpy(e->ip, &in->sin_addr, 4);
    return 0;
  }
  if (sa->ss_family != AF_INET6) return (errno = EAFNOSUPPORT, -1);
  e->port = ntohs(in6->sin6_port);
  e->family = memcmp(&in6->sin6_addr, mapped, 12) ? 6 : 4;
  if (e->family == 6)
    memcpy(e->ip, &in6->sin6_addr, 16);
  else
    memcpy(e->ip, (char const *)&in6->sin6_addr + 12, 4);
  return 0;
}

unsigned int endpoint_fmt_ip(char *s, endpoint const *e)
{
  size_t n = e->family == 6 ? ip6_fmt(s, (char const *)e->ip) : ip4_fmt(s, (char const *)e->ip);
  s[n] = 0;
  return (unsigned int)n;
}

unsigned int endpoint_fmt(char *s, endpoint const *e)
{
  unsigned int n = 0;

  if (e->family == 6) s[n++] = '[';
  n += endpoint_fmt_ip(s + n, e);
  if (e->family == 6) s[n++] = ']';
  s[n++] = ':';
  n += (unsigned int)uint16_fmt(s + n, e->port);
  s[n] = 0;
  return n;
}

void endpoint_wide(unsigned char ip[16], endpoint const *e)
{
  if (e->family == 6)
  {
    memcpy(ip, e->ip, 16);
    return;
  }
  memcpy(ip, mapped, 12);
  memcpy(ip + 12, e->ip, 4);
}

void endpoint_client(client *c, endpoint const *e)
{
  memset(c, 0, sizeof *c);
  if (e->family == 6)
    memcpy(c->key, e->ip, 8);
  else
  {
    memcpy(c->key, mapped, 12);
    memcpy(c->key + 12, e->ip, 4);
  }
}
