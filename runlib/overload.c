#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include <runlib/overload.h>

#define LIFETIME 10 /* of a monitor's flag that does not say, seconds */

/* Copies len bytes as one printable line of at most max bytes, and a NUL. */
static void copy_line(char *to, size_t max, char const *from, size_t len)
{
  size_t n = len < max ? len : max;

  for (size_t i = 0; i < n; i++) to[i] = (unsigned char)from[i] < 32 || from[i] == 127 ? '?' : from[i];
  to[n] = 0;
}

static uint64_t number(char const *value, size_t len)
{
  char s[UINT64_FMT + 1];
  uint64_t n;
  size_t digits;

  copy_line(s, UINT64_FMT, value, len);
  digits = uint64_scan(s, &n);
  return digits && (!s[digits] || s[digits] == ' ') ? n : 0;
}

static int is(char const *s, size_t len, char const *word)
{
  return strlen(word) == len && !memcmp(s, word, len);
}

static void parse_line(overload *o, char const *line, size_t len)
{
  char const *blank = memchr(line, ' ', len);
  size_t n = blank ? (size_t)(blank - line) : len;
  char const *value = line + n + (blank != 0);
  size_t rest = len - n - (blank != 0);

  if (is(line, n, "level"))
    o->stated = number(value, rest) == 2 ? 2 : 1;
  else if (is(line, n, "made") && is(value, rest, "monitor"))
    o->maker = OVERLOAD_MONITOR;
  else if (is(line, n, "made") && is(value, rest, "hold"))
    o->maker = OVERLOAD_HELD;
  else if (is(line, n, "since"))
    o->since = number(value, rest);
  else if (is(line, n, "until"))
    o->until = number(value, rest);
  else if (is(line, n, "lifetime"))
    o->lifetime = number(value, rest);
  else if (is(line, n, "reason"))
    copy_line(o->reason, OVERLOAD_REASON, value, rest);
}

/*
 * A clock that was set back makes a heartbeat of the future. It counts as stale too: a monitor that
 * lives beats again within a second, and one that is dead must not hold the flag for an hour.
 */
static int is_stale(overload const *o, uint64_t now)
{
  switch (o->maker)
  {
    case OVERLOAD_MONITOR: return (now > o->beat ? now - o->beat : o->beat - now) > o->lifetime;
    case OVERLOAD_HELD: return o->until && now >= o->until;
    default: return 0;
  }
}

void overload_parse(overload *o, char const *bytes, size_t len, uint64_t beat, uint64_t now)
{
  overload const blank = OVERLOAD_ZERO;

  *o = blank;
  o->stated = 1;
  o->maker = OVERLOAD_HAND;
  o->beat = beat;
  o->lifetime = LIFETIME;
  while (len)
  {
    char const *end = memchr(bytes, '\n', len);
    size_t n = end ? (size_t)(end - bytes) : len;
    parse_line(o, bytes, n);
    n += end != 0;
    bytes += n;
    len -= n;
  }
  if (!o->since && o->maker == OVERLOAD_HAND) o->since = beat;
  o->stale = is_stale(o, now);
  o->level = o->stale ? 0 : o->stated;
}

int overload_read(overload *o, char const *path, uint64_t now)
{
  overload const blank = OVERLOAD_ZERO;
  char buf[OVERLOAD_FLAG];
  struct stat st;
  size_t n = 0;
  /* Nonblocking, lest a FIFO of that name hang every session. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

  *o = blank;
  if (fd < 0)
  {
    if (errno == ENOENT || errno == ENOTDIR) return 0;
    if (stat(path, &st) < 0) return -1;
  }
  else
  {
    if (fstat(fd, &st) < 0) st.st_mtime = 0;
    if (S_ISREG(st.st_mode)) n = allread(fd, buf, sizeof buf);
    fd_close(fd);
  }
  overload_parse(o, buf, n, st.st_mtime > 0 ? (uint64_t)st.st_mtime : 0, now);
  return (int)o->level;
}

unsigned int overload_refuses(unsigned int level, overload_client const *client)
{
  if (client->user && client->user[0]) return 0;
  if (client->relay && client->exempt) return 0;
  if (client->connecting && level < 2) return 0;
  return level;
}

size_t overload_reply(char *s, unsigned int refuses, char const *text)
{
  if (!text || !text[0]) text = "Temporary Failure: Server overload";
  memcpy(s, refuses >= 2 ? "R421 " : "R451 ", 5);
  /* RFC 5321 4.5.3.1.5: a reply line has at most 512 octets, code and CRLF included. */
  copy_line(s + 5, OVERLOAD_REPLY - 8, text, strlen(text));
  return strlen(s);
}
