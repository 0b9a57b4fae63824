#include <errno.h>
#include <string.h>
#include <strings.h>

#include "reply.h"

void reply_clear(reply *r)
{
  r->code = 0;
  r->text.len = 0;
  r->line = 0;
}

void reply_free(reply *r)
{
  stralloc_free(&r->text);
}

char const *reply_said(reply *r)
{
  if (r->text.len > REPLY_SAID) r->text.len = REPLY_SAID;
  return stralloc_0(&r->text) ? r->text.s : 0;
}

/* Ends the line at hand. Returns 1 if it is the last one, 0, or -1: it is not a reply's. */
static int end_line(reply *r)
{
  char const *s;
  size_t n;

  if (r->text.len > r->line && r->text.s[r->text.len - 1] == '\r') r->text.len--;
  s = r->text.s + r->line;
  n = r->text.len - r->line;
  if (n < 3 || s[0] < '2' || s[0] > '5' || s[1] < '0' || s[1] > '9' || s[2] < '0' || s[2] > '9' ||
      (n > 3 && s[3] != ' ' && s[3] != '-'))
    return -1;
  r->code = (unsigned int)(s[0] - '0') * 100 + (unsigned int)(s[1] - '0') * 10 + (unsigned int)(s[2] - '0');
  for (char *c = r->text.s + r->line; c < r->text.s + r->text.len; c++)
    if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
  return n == 3 || s[3] == ' ';
}

int reply_feed(reply *r, char const *s, size_t n, size_t *used)
{
  for (*used = 0; *used < n;)
  {
    char const *rest = s + *used;
    char const *eol = memchr(rest, '\n', n - *used);
    size_t len = eol ? (size_t)(eol - rest) : n - *used;
    int last;

    if (r->text.len + len > REPLY_MAX) return (errno = EMSGSIZE, -1);
    if (!stralloc_readyplus(&r->text, len + 1)) return -1;
    memcpy(r->text.s + r->text.len, rest, len);
    r->text.len += len;
    *used += len + !!eol;
    if (!eol) return 0;
    last = end_line(r);
    if (last) return last > 0 ? 1 : (errno = EPROTO, -1);
    r->text.s[r->text.len++] = '\n';
    r->line = r->text.len;
  }
  return 0;
}

/* Whether the word at *s, len bytes in all, is that one; then *s is what follows it. */
static int is_word(char const **s, size_t *len, char const *word)
{
  size_t n = strlen(word);

  if (*len < n || strncasecmp(*s, word, n) || (*len > n && (*s)[n] != ' ' && (*s)[n] != '=')) return 0;
  n += *len > n;
  *s += n;
  *len -= n;
  return 1;
}

static uint64_t number(char const *s, size_t len)
{
  uint64_t n = 0;

  for (; len && *s >= '0' && *s <= '9' && n < UINT64_MAX / 100; s++, len--) n = n * 10 + (uint64_t)(*s - '0');
  return n;
}

static void mechanisms(offers *o, char const *s, size_t len)
{
  while (len)
  {
    char const *blank = memchr(s, ' ', len);
    size_t n = blank ? (size_t)(blank - s) : len;
    if (n == 5 && !strncasecmp(s, "PLAIN", 5)) o->plain = 1;
    if (n == 5 && !strncasecmp(s, "LOGIN", 5)) o->login = 1;
    n += !!blank;
    s += n;
    len -= n;
  }
}

static void offer(offers *o, char const *s, size_t len)
{
  if (is_word(&s, &len, "PIPELINING")) o->pipelining = 1;
  if (is_word(&s, &len, "8BITMIME")) o->eightbit = 1;
  if (is_word(&s, &len, "SMTPUTF8")) o->utf8 = 1;
  if (is_word(&s, &len, "STARTTLS")) o->starttls = 1;
  if (is_word(&s, &len, "DSN")) o->dsn = 1;
  if (is_word(&s, &len, "AUTH")) mechanisms(o, s, len);
  if (!is_word(&s, &len, "SIZE")) return;
  o->size = 1;
  o->most = number(s, len);
}

offers reply_offers(reply const *r)
{
  offers o = {.most = 0};
  char const *s = r->text.s, *end = s + r->text.len;

  while (s < end)
  {
    char const *eol = memchr(s, '\n', (size_t)(end - s));
    char const *last = eol ? eol : end;
    if (last - s > 4 && s != r->text.s) offer(&o, s + 4, (size_t)(last - s) - 4);
    s = last + 1;
  }
  return o;
}
