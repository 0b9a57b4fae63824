#include <stdint.h>
#include <string.h>

#include <ares.h>

#include "dns.h"

#define HEADER 12U

static unsigned int u16(stralloc const *m, size_t at)
{
  return (unsigned int)(unsigned char)m->s[at] << 8 | (unsigned char)m->s[at + 1];
}

/* Returns the bytes that the name at that place takes, or 0: there is none. name: 0, or where it goes. */
static size_t read_name(stralloc const *m, size_t at, char *name)
{
  unsigned char const *s = (unsigned char const *)m->s;
  char *text;
  long taken;

  if (at >= m->len || ares_expand_name(s + at, s, (int)m->len, &text, &taken) != ARES_SUCCESS) return 0;
  if (strlen(text) >= DNS_NAME) taken = 0;
  if (name && taken) strcpy(name, text);
  ares_free_string(text);
  return (size_t)taken;
}

int dns_answer_name(dns_answer const *a, size_t at, char name[DNS_NAME])
{
  return read_name(&a->message, at, name) ? 0 : -1;
}

/* Returns the place behind the questions, or 0. */
static size_t skip_questions(stralloc const *m)
{
  size_t at = HEADER;

  for (unsigned int n = u16(m, 4); n; n--)
  {
    size_t taken = read_name(m, at, 0);
    if (!taken || at + taken + 4 > m->len) return 0;
    at += taken + 4;
  }
  return at;
}

/* Returns 0, or -1: the records are not all there. */
static int gather(dns_answer *a, unsigned int type)
{
  stralloc const *m = &a->message;
  size_t at = skip_questions(m);

  if (!at) return -1;
  for (unsigned int n = u16(m, 6); n; n--)
  {
    size_t taken = read_name(m, at, 0), len;
    if (!taken || at + taken + 10 > m->len) return -1;
    at += taken;
    len = u16(m, at + 8);
    if (len > m->len - at - 10) return -1;
    if (u16(m, at) == type && u16(m, at + 2) == 1 && a->n < DNS_RECORDS)
      a->records[a->n++] = (dns_record){at + 10, len};
    at += 10 + len;
  }
  return 0;
}

void dns_answer_read(dns_answer *a, unsigned int type)
{
  stralloc const *m = &a->message;
  unsigned int code;

  a->state = DNS_FAILED;
  a->n = 0;
  a->secure = 0;
  if (m->len < HEADER || !(m->s[2] & 0x80)) return;
  code = m->s[3] & 15;
  if ((code && code != 3) || gather(a, type) < 0) return;
  a->secure = (m->s[3] & 0x20) > 0;
  a->state = code ? DNS_NXDOMAIN : a->n ? DNS_FOUND : DNS_NODATA;
}
