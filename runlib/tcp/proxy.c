#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <skalibs/types.h>

#include <runlib/tcp/proxy.h>

static char const signature[12] = "\r\n\r\n\0\r\nQUIT\n";

#define V1_MAX 107 /* bytes of a line, with its end */
#define V2_MIN 16

/* ip: 4 or 16 bytes; a port in network order. An IPv4 address in IPv6 becomes IPv4. */
static void endpoint_make(endpoint *e, int family, void const *ip, void const *port)
{
  struct sockaddr_storage sa;
  struct sockaddr_in *in = (struct sockaddr_in *)&sa;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&sa;

  memset(&sa, 0, sizeof sa);
  sa.ss_family = (sa_family_t)family;
  if (family == AF_INET)
  {
    memcpy(&in->sin_addr, ip, 4);
    memcpy(&in->sin_port, port, 2);
  }
  else
  {
    memcpy(&in6->sin6_addr, ip, 16);
    memcpy(&in6->sin6_port, port, 2);
  }
  (void)endpoint_from(e, &sa);
}

static int read_end(endpoint *e, int family, char const *ip, char const *port)
{
  unsigned char bytes[16];
  uint16_t n;

  if (inet_pton(family, ip, bytes) != 1 || !uint160_scan(port, &n)) return -1;
  n = htons(n);
  endpoint_make(e, family, bytes, &n);
  return 0;
}

/* The words of a line, which are separated by one blank each. Returns how many. */
static unsigned int split(char *line, char *words[7])
{
  unsigned int n = 0;

  for (words[n++] = line; *line; line++)
    if (*line == ' ')
    {
      *line = 0;
      if (n == 7) return 8;
      words[n++] = line + 1;
    }
  return n;
}

/* `PROXY TCP4|TCP6 CLIENT HERE CLIENTPORT HEREPORT`, or `PROXY UNKNOWN ...`. */
static proxy_result scan_line(char *line, endpoint *local, endpoint *remote)
{
  char *w[7];
  unsigned int n;
  int family;

  if (!strncmp(line, "PROXY UNKNOWN", 13) && (!line[13] || line[13] == ' ')) return PROXY_OWN;
  n = split(line, w);
  if (n != 6 || strcmp(w[0], "PROXY")) return PROXY_WRONG;
  family = !strcmp(w[1], "TCP4") ? AF_INET : !strcmp(w[1], "TCP6") ? AF_INET6 : 0;
  if (!family || read_end(remote, family, w[2], w[4]) < 0 || read_end(local, family, w[3], w[5]) < 0)
    return PROXY_WRONG;
  return PROXY_CLIENT;
}

static proxy_result scan_v1(unsigned char const *s, size_t n, size_t *used, endpoint *local, endpoint *remote)
{
  char line[V1_MAX + 1];
  size_t most = n < V1_MAX ? n : V1_MAX;
  unsigned char const *end = memchr(s, '\n', most);

  if (!end) return n >= V1_MAX ? PROXY_WRONG : PROXY_MORE;
  *used = (size_t)(end - s) + 1;
  if (*used < 2 || end[-1] != '\r' || memchr(s, 0, *used)) return PROXY_WRONG;
  memcpy(line, s, *used - 2);
  line[*used - 2] = 0;
  return scan_line(line, local, remote);
}

static proxy_result scan_v2(unsigned char const *s, size_t n, size_t *used, endpoint *local, endpoint *remote)
{
  unsigned int command, size, family;
  size_t length, ip;

  if (n < V2_MIN) return PROXY_MORE;
  command = s[12];
  family = s[13];
  length = (size_t)s[14] << 8 | s[15];
  *used = V2_MIN + length;
  if (command >> 4 != 2 || (command & 15) > 1 || *used > PROXY_MAX) return PROXY_WRONG;
  if (n < *used) return PROXY_MORE;
  if (!(command & 15)) return PROXY_OWN;
  if (family != 0x11 && family != 0x21) return PROXY_OWN; /* no TCP: nothing to go by */
  ip = family == 0x11 ? 4 : 16;
  size = (unsigned int)(2 * ip + 4);
  if (length < size) return PROXY_WRONG;
  s += V2_MIN;
  endpoint_make(remote, family == 0x11 ? AF_INET : AF_INET6, s, s + 2 * ip);
  endpoint_make(local, family == 0x11 ? AF_INET : AF_INET6, s + ip, s + 2 * ip + 2);
  return PROXY_CLIENT;
}

proxy_result proxy_scan(unsigned char const *s, size_t n, size_t *used, endpoint *local, endpoint *remote)
{
  *used = 0;
  if (!memcmp(s, signature, n < sizeof signature ? n : sizeof signature))
    return scan_v2(s, n, used, local, remote);
  if (!memcmp(s, "PROXY ", n < 6 ? n : 6)) return scan_v1(s, n, used, local, remote);
  return PROXY_WRONG;
}
