#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "spf-internal.h"

typedef enum argument_e
{
  ARGUMENT_NONE = 0,
  ARGUMENT_SPEC = 1,
  ARGUMENT_NEEDED = 2,
  ARGUMENT_CIDR = 4,
  ARGUMENT_IP = 8
} argument;

static struct
{
  char const *name;
  spf_kind kind;
  unsigned int takes;
} const mechanisms[] = {
    {"all", SPF_ALL, ARGUMENT_NONE},
    {"include", SPF_INCLUDE, ARGUMENT_SPEC | ARGUMENT_NEEDED},
    {"a", SPF_A, ARGUMENT_SPEC | ARGUMENT_CIDR},
    {"mx", SPF_MX, ARGUMENT_SPEC | ARGUMENT_CIDR},
    {"ptr", SPF_PTR, ARGUMENT_SPEC},
    {"ip4", SPF_IP4, ARGUMENT_IP | ARGUMENT_NEEDED},
    {"ip6", SPF_IP6, ARGUMENT_IP | ARGUMENT_NEEDED},
    {"exists", SPF_EXISTS, ARGUMENT_SPEC | ARGUMENT_NEEDED},
};

static int is_digit(char c)
{
  return c >= '0' && c <= '9';
}

static int is_alpha(char c)
{
  return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ), RFC 7208, 12 */
static size_t name_length(char const *s, size_t len)
{
  size_t n = 0;

  if (!len || !is_alpha(*s)) return 0;
  while (n < len && (is_alpha(s[n]) || is_digit(s[n]) || (s[n] && strchr("-_.", s[n])))) n++;
  return n;
}

/*
 * Takes `slash` and a number off the end of the *len bytes. Returns 1; 0, when they do not end so; -1 when
 * the number is above most, or begins with 0.
 */
static int take_bits(char const *s, size_t *len, char const *slash, unsigned int most, unsigned int *bits)
{
  size_t n = *len, width = strlen(slash);
  unsigned int value = 0;

  while (n && is_digit(s[n - 1])) n--;
  if (n == *len || n < width || memcmp(s + n - width, slash, width)) return 0;
  if (*len - n > 3 || (*len - n > 1 && s[n] == '0')) return -1;
  for (size_t i = n; i < *len; i++) value = value * 10 + (unsigned int)(s[i] - '0');
  *len = n - width;
  *bits = value;
  return value > most ? -1 : 1;
}

/* ip4-network, ip6-network and their length. */
static int scan_ip(spf_term *t, char const *s, size_t len)
{
  char text[INET6_ADDRSTRLEN];
  int v4 = t->kind == SPF_IP4;

  if (take_bits(s, &len, "/", v4 ? 32 : 128, v4 ? &t->bits4 : &t->bits6) < 0) return 0;
  if (!len || len >= sizeof text || memchr(s, 0, len)) return 0;
  memcpy(text, s, len);
  text[len] = 0;
  return inet_pton(v4 ? AF_INET : AF_INET6, text, t->ip) == 1;
}

/* What follows the name of a mechanism: [ ":" domain-spec ] [ dual-cidr-length ]. */
static int scan_argument(spf_term *t, unsigned int takes, char const *s, size_t len)
{
  if (takes & ARGUMENT_IP) return len && *s == ':' && scan_ip(t, s + 1, len - 1);
  if (takes & ARGUMENT_CIDR &&
      (take_bits(s, &len, "//", 128, &t->bits6) < 0 || take_bits(s, &len, "/", 32, &t->bits4) < 0))
    return 0;
  if (!len) return !(takes & ARGUMENT_NEEDED);
  if (!(takes & ARGUMENT_SPEC) || *s != ':' || !spf_spec_valid(s + 1, len - 1)) return 0;
  t->spec = s + 1;
  t->spec_len = len - 1;
  return 1;
}

static int scan_modifier(spf_term *t, size_t name)
{
  t->spec = t->text + name + 1;
  t->spec_len = t->len - name - 1;
  if (name == 8 && !strncasecmp(t->text, "redirect", 8))
    t->kind = SPF_REDIRECT;
  else if (name == 3 && !strncasecmp(t->text, "exp", 3))
    t->kind = SPF_EXP;
  else
  {
    t->kind = SPF_UNKNOWN;
    return spf_macro_valid(t->spec, t->spec_len, 0);
  }
  return spf_spec_valid(t->spec, t->spec_len);
}

static int scan_term(spf_term *t)
{
  static char const qualifiers[] = "+-~?";
  static spf_result const results[] = {SPF_PASS, SPF_FAIL, SPF_SOFTFAIL, SPF_NEUTRAL};
  char const *s = t->text, *q = strchr(qualifiers, *s);
  size_t len = t->len, n = name_length(s, len);

  if (n && n < len && s[n] == '=') return scan_modifier(t, n);
  t->result = q ? results[q - qualifiers] : SPF_PASS;
  if (q)
  {
    s++;
    len--;
  }
  n = name_length(s, len);
  for (unsigned int i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++)
    if (strlen(mechanisms[i].name) == n && !strncasecmp(s, mechanisms[i].name, n))
    {
      t->kind = mechanisms[i].kind;
      return scan_argument(t, mechanisms[i].takes, s + n, len - n);
    }
  return 0;
}

int spf_term_next(char const **s, size_t *len, spf_term *t)
{
  static spf_term const fresh = {.bits4 = 32, .bits6 = 128};
  size_t n = 0;

  while (*len && **s == ' ')
  {
    ++*s;
    --*len;
  }
  if (!*len) return 0;
  while (n < *len && (*s)[n] != ' ') n++;
  *t = fresh;
  t->text = *s;
  t->len = n;
  *s += n;
  *len -= n;
  return *t->text && scan_term(t) ? 1 : -1;
}
