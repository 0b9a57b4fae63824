#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"

#define HEADER   12
#define POINTERS 32 /* of one compressed name */

typedef struct message_s message;
struct message_s
{
  unsigned char const *s;
  size_t len;
};

/*
 * Reads the name at *at, moves *at behind it, and writes it as text with a NUL (DNS_NAME_MAX + 1 bytes; text
 * 0: not at all). A byte that would be mistaken becomes `?`. Returns its length, or -1.
 */
static long read_name(message const *m, size_t *at, char *text)
{
  size_t p = *at, n = 0;
  unsigned int jumps = 0;

  for (;;)
  {
    unsigned int size = p < m->len ? m->s[p] : 0xffu;
    if (size >= 0xc0)
    {
      if (p + 1 >= m->len || jumps == POINTERS) return -1;
      if (!jumps++) *at = p + 2;
      p = (size_t)(size & 0x3f) << 8 | m->s[p + 1];
      continue;
    }
    if (size > 63 || p + 1 + size > m->len || n + size + !!n > DNS_NAME_MAX) return -1;
    p++;
    if (!size) break;
    if (n && text) text[n] = '.';
    if (n) n++;
    for (unsigned int i = 0; i < size; i++, p++, n++)
      if (text) text[n] = (char)(m->s[p] <= ' ' || m->s[p] >= 127 || m->s[p] == '.' ? '?' : m->s[p]);
  }
  if (!jumps) *at = p;
  if (text) text[n] = 0;
  return (long)n;
}

static unsigned int u16(message const *m, size_t at)
{
  return (unsigned int)m->s[at] << 8 | m->s[at + 1];
}

/* Writes what a record says to data (at most what it has, or a name). Returns its length, or -1. */
static long read_data(message const *m, dns_type type, size_t at, size_t len, char *data)
{
  size_t n = 0, end = at + len;

  switch (type)
  {
    case DNS_A:
    case DNS_AAAA:
      if (len != (type == DNS_A ? 4 : 16)) return -1;
      memcpy(data, m->s + at, len);
      return (long)len;
    case DNS_MX:
      if (len < 3) return -1;
      at += 2;
      /* fall through */
    case DNS_PTR: return read_name(m, &at, data);
    case DNS_TXT: break;
  }
  while (at < end)
  {
    size_t size = m->s[at++];
    if (size > end - at) return -1;
    memcpy(data + n, m->s + at, size);
    n += size;
    at += size;
  }
  data[n] = 0;
  return (long)n;
}

/* Finds the next record of that type: its data at *at, its length in *len. Returns 1, 0 at the end, or -1. */
static int next_record(message const *m, size_t *next, unsigned int *left, dns_type type, size_t *at,
                       size_t *len)
{
  while (*left)
  {
    --*left;
    if (read_name(m, next, 0) < 0 || *next + 10 > m->len) return -1;
    *at = *next + 10;
    *len = u16(m, *next + 8);
    if (*len > m->len - *at) return -1;
    if (u16(m, *next) == (unsigned int)type && u16(m, *next + 2) == 1)
    {
      *next = *at + *len;
      return 1;
    }
    *next = *at + *len;
  }
  return 0;
}

/* Where the answers begin, or 0. */
static size_t skip_question(message const *m)
{
  size_t at = HEADER;

  if (m->len < HEADER) return 0;
  for (unsigned int n = u16(m, 4); n; n--)
  {
    if (read_name(m, &at, 0) < 0 || at + 4 > m->len) return 0;
    at += 4;
  }
  return at;
}

dns_answer *answer_read(unsigned char const *msg, size_t len, dns_type type)
{
  message const m = {msg, len};
  size_t first = skip_question(&m), next = first, at = 0, size = 0, room = 0;
  unsigned int left = first ? u16(&m, 6) : 0, n = 0;
  dns_answer *a;
  dns_record *r;
  char *data;
  int more = first ? 1 : -1;

  while (more > 0 && n < ANSWER_RECORDS && (more = next_record(&m, &next, &left, type, &at, &size)) > 0)
  {
    n++;
    room += (type == DNS_MX || type == DNS_PTR ? DNS_NAME_MAX : size) + 1;
  }
  if (more < 0) return (errno = EPROTO, (dns_answer *)0);
  a = malloc(sizeof *a + n * sizeof *r + room);
  if (!a) return 0;
  r = (dns_record *)(a + 1);
  *a = (dns_answer){n ? DNS_FOUND : DNS_NODATA, n, r};
  data = (char *)(r + n);
  next = first;
  left = u16(&m, 6);
  for (; n; n--, r++)
  {
    long have =
        next_record(&m, &next, &left, type, &at, &size) > 0 ? read_data(&m, type, at, size, data) : -1;
    if (have < 0)
    {
      free(a);
      return (errno = EPROTO, (dns_answer *)0);
    }
    *r = (dns_record){data, (size_t)have};
    data += have + 1;
  }
  return a;
}
