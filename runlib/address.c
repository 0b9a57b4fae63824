#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include <skalibs/types.h>

#include <runlib/address.h>

static char const *scan_label(char const *text, address *a)
{
  size_t n = strlen(text);

  if (!n) return "an address with an empty label after `/`";
  if (n > ADDRESS_LABEL_MAX) return "an address with a label of more than 31 characters";
  for (size_t i = 0; i < n; i++)
    if (!isalnum((unsigned char)text[i]) && text[i] != '-')
      return "an address with a label of other than letters, digits and `-`";
  memcpy(a->label, text, n + 1);
  return 0;
}

static char const *scan_host(char const *host, size_t n, address *a)
{
  char buf[INET6_ADDRSTRLEN];

  if (n == 1 && host[0] == '*') return 0;
  if (n >= 2 && host[0] == '[' && host[n - 1] == ']')
  {
    host++, n -= 2;
    a->family = 6;
  }
  else
    a->family = 4;
  if (n >= sizeof buf) return "not an address";
  memcpy(buf, host, n);
  buf[n] = 0;
  if (inet_pton(a->family == 6 ? AF_INET6 : AF_INET, buf, a->ip) == 1) return 0;
  if (a->family == 4 && strchr(buf, ':')) return "an IPv6 address without its brackets (write [::1]:25)";
  return "not an IP address (write 127.0.0.1:25, [::1]:25 or *:25)";
}

char const *address_scan(char const *text, address *a)
{
  char const *colon = strrchr(text, ':');
  size_t n;
  char const *wrong;

  memset(a, 0, sizeof *a);
  if (!colon || colon == text) return "without a port (write 127.0.0.1:25, [::1]:25 or *:25)";
  n = uint16_scan(colon + 1, &a->port);
  if (!n) return "without a port number from 0 to 65535";
  if (colon[1 + n] == '/')
  {
    wrong = scan_label(colon + 2 + n, a);
    if (wrong) return wrong;
  }
  else if (colon[1 + n])
    return "without a port number from 0 to 65535";
  return scan_host(text, (size_t)(colon - text), a);
}

unsigned int address_fmt(char *s, address const *a)
{
  char ip[INET6_ADDRSTRLEN];
  unsigned int n = 0;

  if (!a->family)
    s[n++] = '*';
  else
  {
    inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->ip, ip, sizeof ip);
    if (a->family == 6) s[n++] = '[';
    memcpy(s + n, ip, strlen(ip));
    n += (unsigned int)strlen(ip);
    if (a->family == 6) s[n++] = ']';
  }
  s[n++] = ':';
  n += (unsigned int)uint16_fmt(s + n, a->port);
  if (a->label[0])
  {
    s[n++] = '/';
    memcpy(s + n, a->label, strlen(a->label));
    n += (unsigned int)strlen(a->label);
  }
  s[n] = 0;
  return n;
}

static int is_any(address const *a)
{
  static unsigned char const zero[16] = {0};
  return !memcmp(a->ip, zero, a->family == 4 ? 4 : 16);
}

int address_clash(address const *a, address const *b)
{
  if (a->port != b->port || !a->port) return 0;
  if (!a->family || !b->family) return 1;
  if (a->family != b->family) return 0;
  return is_any(a) || is_any(b) || !memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16);
}
