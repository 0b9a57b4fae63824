#include <string.h>

#include <runlib/enhanced.h>

static size_t digits(char const *s, size_t len)
{
  size_t n = 0;
  while (n < len && n < 3 && s[n] >= '0' && s[n] <= '9') n++;
  return n;
}

size_t enhanced_at(char const *s, size_t len)
{
  size_t i = 1;

  if (len < 5 || (*s != '2' && *s != '4' && *s != '5')) return 0;
  for (unsigned int k = 0; k < 2; k++)
  {
    size_t n = i < len && s[i] == '.' ? digits(s + i + 1, len - i - 1) : 0;
    if (!n) return 0;
    i += 1 + n;
  }
  return i == len || s[i] == ' ' ? i : 0;
}

char const *enhanced_for(char c, char const *s, size_t len, char const *fallback, size_t *n)
{
  char const *hash = len > 1 && s[len - 1] == ')' ? memrchr(s, '#', len) : 0;

  *n = 0;
  if (enhanced_at(s, len)) return "";
  if (hash && hash > s && hash[-1] == '(' && hash[1] == c)
  {
    *n = (size_t)(s + len - 1 - (hash + 1));
    if (enhanced_at(hash + 1, *n) == *n) return hash + 1;
  }
  *n = strlen(fallback);
  return fallback;
}
