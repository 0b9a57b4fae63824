#include <runlib/utf8.h>

/* The bytes that follow a first byte, and the bits that the first one has itself; -1: it is none. */
static int scan_first(unsigned char first, unsigned int *bits)
{
  if (first < 0x80) return (*bits = first, 0);
  if (first >= 0xc2 && first < 0xe0) return (*bits = first & 31u, 1);
  if (first >= 0xe0 && first < 0xf0) return (*bits = first & 15u, 2);
  if (first >= 0xf0 && first < 0xf5) return (*bits = first & 7u, 3);
  return -1;
}

/* The character at s in *u. Returns its length, 0 if it is none: overlong, a surrogate, beyond Unicode, cut short. */
static size_t decode(unsigned int *u, char const *s, size_t len)
{
  static unsigned int const least[4] = {0, 0x80, 0x800, 0x10000};
  int n = scan_first((unsigned char)*s, u);

  if (n < 0 || (size_t)n >= len) return 0;
  for (int i = 1; i <= n; i++)
  {
    if (((unsigned char)s[i] & 0xc0) != 0x80) return 0;
    *u = *u << 6 | ((unsigned char)s[i] & 63u);
  }
  return *u < least[n] || *u > 0x10ffff || (*u >= 0xd800 && *u < 0xe000) ? 0 : (size_t)n + 1;
}

static int is_control(unsigned int u)
{
  return u < 0x20 || (u >= 0x7f && u < 0xa0);
}

static int turns(unsigned int u)
{
  return (u >= 0x200e && u <= 0x200f) || (u >= 0x2028 && u <= 0x202e) || (u >= 0x2066 && u <= 0x2069);
}

size_t utf8_length(char const *s, size_t len)
{
  unsigned int u;
  return decode(&u, s, len);
}

size_t utf8_scan(unsigned int *u, char const *s, size_t len)
{
  size_t n = decode(u, s, len);

  if (!n || is_control(*u) || turns(*u)) *u = '?';
  return n ? n : 1;
}
