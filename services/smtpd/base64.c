#include <errno.h>
#include <stdint.h>

#include "base64.h"

static int digit(char c)
{
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(char const *s, size_t len, char *out, size_t *n)
{
  size_t pad = len > 1 && s[len - 1] == '=' ? s[len - 2] == '=' ? 2 : 1 : 0;

  *n = 0;
  if (len % 4) goto bad;
  for (size_t i = 0; i < len; i += 4)
  {
    size_t digits = i + 4 == len ? 4 - pad : 4;
    uint32_t bits = 0;
    for (size_t j = 0; j < 4; j++)
    {
      int d = j < digits ? digit(s[i + j]) : 0;
      if (d < 0) goto bad;
      bits = bits << 6 | (uint32_t)d;
    }
    if (bits & ((1u << (8 * (4 - digits))) - 1)) goto bad;
    for (size_t j = 0; j + 1 < digits; j++) out[(*n)++] = (char)(bits >> (16 - 8 * j));
  }
  return 0;
bad:
  errno = EINVAL;
  return -1;
}
