#include <arpa/inet.h>
#include <string.h>

#include "request-internal.h"

#define READY "220 2.0.0 ready to start TLS"

typedef struct span_s span;
struct span_s
{
  char const *s;
  size_t n;
};

static int same(span a, char const *word)
{
  return a.n == strlen(word) && !memcmp(a.s, word, a.n);
}

/* A NUL would cut a text short, and a control character has no place in any of them. */
static int keep(char *to, size_t max, span text)
{
  if (!text.n || text.n >= max) return 0;
  for (size_t i = 0; i < text.n; i++)
    if ((unsigned char)text.s[i] < ' ' || text.s[i] == 0x7f) return 0;
  memcpy(to, text.s, text.n);
  to[text.n] = 0;
  return 1;
}

static char const *scan_peer(span text, request *rq)
{
  static unsigned char const mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  unsigned char ip[16];

  if (!keep(rq->peer, sizeof rq->peer, text)) return "peer is not an IP address";
  memset(rq->key, 0, sizeof rq->key);
  if (inet_pton(AF_INET, rq->peer, rq->key + 12) == 1)
    memcpy(rq->key, mapped, sizeof mapped);
  else if (inet_pton(AF_INET6, rq->peer, ip) == 1)
    memcpy(rq->key, ip, memcmp(ip, mapped, sizeof mapped) ? 8 : 16);
  else
    return "peer is not an IP address";
  return 0;
}

static char const *scan_mode(span text, request *rq)
{
  if (same(text, "starttls"))
    rq->mode = TLS_STARTTLS;
  else if (same(text, "implicit"))
    rq->mode = TLS_IMPLICIT;
  else
    return "mode is neither starttls nor implicit";
  return 0;
}

static char const *scan_line(span key, span text, request *rq)
{
  if (same(key, "mode")) return scan_mode(text, rq);
  if (same(key, "peer")) return scan_peer(text, rq);
  if (same(key, "name"))
    return keep(rq->name, sizeof rq->name, text) ? 0 : "name is empty, too long or unprintable";
  if (same(key, "ready"))
    return keep(rq->ready, sizeof rq->ready - 2, text) ? 0 : "ready is empty, too long or unprintable";
  return 0; /* a later version's line */
}

static char const *scan_all(char const *s, size_t n, request *rq, int *modes)
{
  while (n)
  {
    char const *end = memchr(s, '\n', n);
    if (!end) return "the last line has no end";
    size_t len = (size_t)(end - s);
    char const *blank = memchr(s, ' ', len);
    if (!blank) return "a line without a blank";
    span key = {s, (size_t)(blank - s)};
    char const *wrong = scan_line(key, (span){blank + 1, (size_t)(end - blank - 1)}, rq);
    if (wrong) return wrong;
    *modes += same(key, "mode");
    n -= len + 1;
    s = end + 1;
  }
  return 0;
}

char const *request_scan(char const *s, size_t n, request *rq)
{
  static char const first[] = "tlsd 1\n";
  int modes = 0;
  char const *wrong;

  memset(rq, 0, sizeof *rq);
  if (n < sizeof first - 1 || memcmp(s, first, sizeof first - 1)) return "the first line is not `tlsd 1`";
  wrong = scan_all(s + sizeof first - 1, n - (sizeof first - 1), rq, &modes);
  if (wrong) return wrong;
  if (!modes) return "no mode";
  if (!rq->peer[0]) return "no peer";
  if (rq->mode == TLS_IMPLICIT)
    rq->ready[0] = 0;
  else
  {
    if (!rq->ready[0]) strcpy(rq->ready, READY);
    strcat(rq->ready, "\r\n");
  }
  return 0;
}
