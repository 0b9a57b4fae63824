#include <errno.h>
#include <string.h>

#include <runlib/envelope.h>

enum state
{
  AT_F,      /* before the F */
  SENDER,    /* in the sender */
  AT_MARK,   /* before a mark, or the NUL that ends it all */
  RECIPIENT, /* in a recipient */
  COMPLETE
};

static int in_address(envelope_scan *e, char c)
{
  if (!c)
  {
    e->state = AT_MARK;
    e->address = 0;
    return 0;
  }
  if (++e->address <= ENVELOPE_ADDRESS_MAX) return 0;
  errno = ENAMETOOLONG;
  return -1;
}

static int step(envelope_scan *e, char c)
{
  switch (e->state)
  {
    case SENDER:
    case RECIPIENT: return in_address(e, c);
    case AT_F:
      if (c != 'F') break;
      e->state = SENDER;
      return 0;
    case AT_MARK:
      if (!c)
      {
        e->state = COMPLETE;
        return 0;
      }
      if (!strchr(e->marks, c)) break;
      e->state = RECIPIENT;
      e->recipients++;
      return 0;
  }
  errno = EPROTO;
  return -1;
}

int envelope_feed(envelope_scan *e, char const *s, size_t n, size_t *used)
{
  for (*used = 0; *used < n && e->state != COMPLETE; e->len++)
  {
    if (e->len >= ENVELOPE_MAX)
    {
      errno = EMSGSIZE;
      return -1;
    }
    if (step(e, s[(*used)++]) < 0) return -1;
  }
  return e->state == COMPLETE;
}

char const *envelope_sender(char const *s)
{
  return s + 1;
}

int envelope_next(char const *s, size_t len, size_t *pos, recipient *r)
{
  size_t at = *pos ? *pos : strlen(s) + 1;

  if (at >= len || !s[at]) return 0;
  r->mark = at;
  r->address = s + at + 1;
  r->len = strlen(r->address);
  *pos = at + 1 + r->len + 1;
  return 1;
}

static char const magic[] = "spool1 ";
#define MAGIC  (sizeof magic - 1)
#define DIGITS (ENVELOPE_TRAILER - MAGIC - 1)

void envelope_trailer_fmt(char *s, uint64_t message)
{
  memcpy(s, magic, MAGIC);
  for (size_t i = DIGITS; i; i--, message /= 10) s[MAGIC + i - 1] = (char)('0' + message % 10);
  s[ENVELOPE_TRAILER - 1] = '\n';
}

static int digits(char const *s, uint64_t *number)
{
  uint64_t n = 0;

  for (size_t i = 0; i < DIGITS; i++)
  {
    unsigned int digit = (unsigned char)s[i] - (unsigned int)'0';
    if (digit > 9 || n > (UINT64_MAX - digit) / 10) return 0;
    n = n * 10 + digit;
  }
  *number = n;
  return 1;
}

int envelope_trailer_scan(char const *s, uint64_t size, uint64_t *message)
{
  if (size >= ENVELOPE_TRAILER && !memcmp(s, magic, MAGIC) && digits(s + MAGIC, message) &&
      s[ENVELOPE_TRAILER - 1] == '\n')
  {
    uint64_t most = size - ENVELOPE_TRAILER;
    if (*message <= most && most - *message >= 3 && most - *message <= ENVELOPE_MAX) return 0;
  }
  errno = EPROTO;
  return -1;
}
