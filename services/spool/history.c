#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <skalibs/stralloc.h>
#include <skalibs/types.h>

#include <runlib/mailbox.h>
#include <runlib/source.h>

#include <services/spool/history.h>

static int by_text(void const *a, void const *b)
{
  return strcmp(a, b);
}

static void lower(char *s, size_t len)
{
  for (; len; len--, s++)
    if (*s >= 'A' && *s <= 'Z') *s = (char)(*s + 32);
}

static int add(history *h, char const *s, size_t len)
{
  char *copy = strndup(s, len);
  char *const *node;

  if (!copy) return -1;
  lower(copy, strlen(copy));
  node = tsearch(copy, &h->was, &by_text);
  if (!node || *node != copy) free(copy);
  return node ? 0 : -1;
}

static uint64_t number_of(char const *text, size_t len)
{
  char s[64];

  if (len >= sizeof s) return 0;
  memcpy(s, text, len);
  s[len] = 0;
  return source_number(s);
}

/* `Received: from HOST (HELO NAME) (USER@ADDRESS)`, the first line of smtpd's field. */
static uint64_t client_of(char const *s, size_t len)
{
  char const *close = memrchr(s, ')', len);
  char const *open = close ? memrchr(s, '(', (size_t)(close - s)) : 0;
  char const *at = open ? memrchr(open, '@', (size_t)(close - open)) : 0;

  if (!open) return 0;
  open = at ? at + 1 : open + 1;
  return number_of(open, (size_t)(close - open));
}

/* `Received: (spool-queue PID invoked by uid UID); DATE` */
static uint64_t user_of(char const *s, size_t len)
{
  static char const before[] = "invoked by uid ";
  char const *at = memmem(s, len, before, sizeof before - 1);
  uint64_t uid;

  return at && uint64_scan(at + sizeof before - 1, &uid) ? uid + 2 : 0;
}

static int begins(char const *s, size_t len, char const *with)
{
  size_t n = strlen(with);
  return len >= n && !strncasecmp(s, with, n);
}

/* *ours: 1 until a Received field with a client has been seen */
static int read_line(history *h, char const *s, size_t len, int *ours)
{
  static char const delivered[] = "delivered-to:";

  if (begins(s, len, delivered))
  {
    s += sizeof delivered - 1;
    len -= sizeof delivered - 1;
    for (; len && (*s == ' ' || *s == '\t'); len--) s++;
    while (len && (s[len - 1] == '\r' || s[len - 1] == ' ' || s[len - 1] == '\t')) len--;
    return len ? add(h, s, len) : 0;
  }
  if (*ours && begins(s, len, "received: from "))
  {
    uint64_t client = client_of(s, len);
    if (client) h->source = client;
    *ours = 0;
  }
  else if (*ours && !h->source && begins(s, len, "received: (spool-queue "))
    h->source = user_of(s, len);
  return 0;
}

int spool_history_read(history *h, char const *s, size_t len)
{
  char const *end = s + len;
  int ours = 1;

  while (s < end && *s != '\n' && !(end - s > 1 && s[0] == '\r' && s[1] == '\n'))
  {
    char const *eol = memchr(s, '\n', (size_t)(end - s));
    char const *last = eol ? eol : end;
    if (read_line(h, s, (size_t)(last - s), &ours) < 0) return -1;
    s = eol ? eol + 1 : end;
  }
  return 0;
}

/* As we write it, quoted, or as others do. */
int spool_history_has(history const *h, char const *address)
{
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (!h->was) return 0;
  if (!mailbox_address(&sa, address) && stralloc_0(&sa))
  {
    lower(sa.s, sa.len);
    result = tfind(sa.s, &h->was, &by_text) != 0;
    sa.len = 0;
    if (!result && stralloc_cats(&sa, address) && stralloc_0(&sa))
    {
      lower(sa.s, sa.len);
      result = tfind(sa.s, &h->was, &by_text) != 0;
    }
  }
  stralloc_free(&sa);
  return result;
}

void spool_history_free(history *h)
{
  tdestroy(h->was, &free);
  h->was = 0;
}
