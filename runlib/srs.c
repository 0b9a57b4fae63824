#include <string.h>
#include <strings.h>

#include <runlib/siphash.h>
#include <runlib/srs.h>

_Static_assert(SRS_KEY == SIPHASH_KEY, "one key");

#define HASH      8 /* letters of five bits */
#define DAY       2
#define LOCAL_MAX 1002

static char const letters[] = "abcdefghijklmnopqrstuvwxyz234567";

static void srs_fmt(char *s, uint64_t n, unsigned int len)
{
  while (len--)
  {
    s[len] = letters[n % 32];
    n /= 32;
  }
}

static char srs_lower(char c)
{
  return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Others may change the case of what is hashed. */
static int srs_hash(char s[HASH], unsigned char const *key, char const *text, size_t len)
{
  char lower[2 * LOCAL_MAX];
  siphash h;

  if (len > sizeof lower) return -1;
  for (size_t i = 0; i < len; i++) lower[i] = srs_lower(text[i]);
  siphash_init(&h, key);
  srs_fmt(s, siphash_end(&h, 0, lower, len, 2, 4), HASH);
  return 0;
}

static int separator(char c)
{
  return c == '=' || c == '+' || c == '-';
}

int srs_is(char const *s)
{
  return !strncasecmp(s, "SRS", 3) && (s[3] == '0' || s[3] == '1') && separator(s[4]);
}

/* `kind=HASH=` and what is hashed; at: where that begins. */
static int srs_finish(stralloc *sa, char const *kind, unsigned char const *key, stralloc const *text,
                      char const *domain)
{
  char hash[HASH];

  if (srs_hash(hash, key, text->s, text->len) < 0) return -1;
  return stralloc_cats(sa, kind) && stralloc_catb(sa, hash, HASH) && stralloc_cats(sa, "=") &&
                 stralloc_catb(sa, text->s, text->len) && stralloc_cats(sa, "@") && stralloc_cats(sa, domain)
             ? 0
             : -1;
}

int srs_forward(stralloc *sa, unsigned char const *key, uint64_t now, char const *sender, char const *domain)
{
  char const *at = strrchr(sender, '@'), *of = at ? at + 1 : domain;
  size_t n = at ? (size_t)(at - sender) : strlen(sender);
  char const *inner =
      n > 5 && !strncasecmp(sender, "SRS1", 4) && separator(sender[4]) ? memchr(sender + 5, '=', n - 5) : 0;
  stralloc text = STRALLOC_ZERO;
  char day[DAY];
  int again = n > 5 && srs_is(sender) && (sender[3] == '0' || inner), ok;

  srs_fmt(day, now / 86400 % 1024, DAY);
  if (!again) /* DAY=domain=local */
    ok = stralloc_catb(&text, day, DAY) && stralloc_cats(&text, "=") && stralloc_cats(&text, of) &&
         stralloc_cats(&text, "=") && stralloc_catb(&text, sender, n);
  else if (inner) /* all behind the hash of another: domain=REST */
    ok = stralloc_catb(&text, inner + 1, n - (size_t)(inner + 1 - sender));
  else
    ok = stralloc_cats(&text, of) && stralloc_cats(&text, "=") && stralloc_catb(&text, sender + 4, n - 4);
  ok = ok && srs_finish(sa, again ? "SRS1=" : "SRS0=", key, &text, domain) == 0;
  stralloc_free(&text);
  return ok ? 0 : -1;
}

static int srs_day(char const *s, unsigned int *day)
{
  *day = 0;
  for (unsigned int i = 0; i < DAY; i++)
  {
    char const *p = s[i] ? strchr(letters, srs_lower(s[i])) : 0;
    if (!p) return -1;
    *day = *day * 32 + (unsigned int)(p - letters);
  }
  return 0;
}

int srs_reverse(stralloc *sa, unsigned char const *key, uint64_t now, char const *local, size_t len)
{
  char const *text = local + 5 + HASH + 1, *end = local + len, *domain, *equals;
  char hash[HASH];
  unsigned int day;
  int first = len > 4 && local[3] == '0';

  if (len < 5 + HASH + 1 + DAY + 3 || !srs_is(local) || text[-1] != '=' ||
      srs_hash(hash, key, text, (size_t)(end - text)) < 0 || strncasecmp(hash, local + 5, HASH))
    return 0;
  if (first)
  {
    if (srs_day(text, &day) < 0 || (now / 86400 + 1024 - day) % 1024 > SRS_DAYS || text[DAY] != '=') return 0;
    text += DAY + 1;
  }
  domain = text;
  equals = memchr(domain, '=', (size_t)(end - domain));
  if (!equals) return 0;
  text = equals + 1;
  return (first || stralloc_cats(sa, "SRS0")) && stralloc_catb(sa, text, (size_t)(end - text)) &&
                 stralloc_cats(sa, "@") && stralloc_catb(sa, domain, (size_t)(equals - domain))
             ? 1
             : -1;
}
