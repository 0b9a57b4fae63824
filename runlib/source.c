#include <arpa/inet.h>
#include <string.h>

#include <runlib/source.h>

uint64_t source_number(char const *text)
{
  static unsigned char const mapped[12] = {[10] = 0xff, 0xff};
  unsigned char ip[16];
  unsigned int bytes = 8;
  uint64_t n = 0;

  if (inet_pton(AF_INET, text, ip) == 1)
    bytes = 4, n = 1;
  else if (inet_pton(AF_INET6, text, ip) != 1)
    return 0;
  else if (!memcmp(ip, mapped, sizeof mapped)) /* IPv4, as a socket of IPv6 tells it */
    memmove(ip, ip + sizeof mapped, 4), bytes = 4, n = 1;
  for (unsigned int i = 0; i < bytes; i++) n = n << 8 | ip[i];
  return n;
}
