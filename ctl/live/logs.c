#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/tail.h>
#include <runlib/utf8.h>
#include <runlib/walk.h>

#include <ctl/live/logfiles.h>
#include <ctl/live/logs.h>
#include <ctl/words.h>

#define LOGS_CHUNK  65536
#define LOGS_MEMORY (LOGS_CHUNK * 512) /* bytes of lines at the most, however many are asked for */

/* Where the last n lines of s begin. */
static size_t last_lines(char const *s, size_t len, size_t *n)
{
  size_t at = len;

  while (at && *n)
  {
    at--;
    while (at && s[at - 1] != '\n') at--;
    --*n;
  }
  return at;
}

/* Drops the lines before since from the front. Lines without a stamp go with the line before. */
static size_t skip_old(char const *s, size_t len, tain const *since)
{
  size_t at = 0;

  while (at < len)
  {
    char stamp[TIMESTAMP + 1];
    char const *end = memchr(s + at, '\n', len - at);
    tain t;
    if (len - at > TIMESTAMP)
    {
      memcpy(stamp, s + at, TIMESTAMP);
      stamp[TIMESTAMP] = 0;
      if (timestamp_scan(stamp, &t) && !tain_less(&t, since)) return at;
    }
    if (!end) return len;
    at = (size_t)(end - s) + 1;
  }
  return at;
}

/*
 * Puts the last *n lines of a file before what sa has from base on: so many as LOGS_MEMORY holds. With end, only whole
 * lines, and where they end.
 */
static int logs_add_file(stralloc *sa, size_t base, int fd, size_t *n, logs_place *end)
{
  stralloc bytes = STRALLOC_ZERO;
  size_t at = 0, left = *n;
  off_t from = 0;
  int result;

  for (size_t max = LOGS_CHUNK;; max *= 8)
  {
    bytes.len = 0;
    result = tail_read(&bytes, fd, max, &from);
    if (result < 0) break;
    while (end && bytes.len && bytes.s[bytes.len - 1] != '\n') bytes.len--;
    left = *n;
    at = last_lines(bytes.s, bytes.len, &left);
    if (!left || !from || max >= LOGS_MEMORY) break;
  }
  if (!result && end) *end = (logs_place){.fd = fd, .at = from + (off_t)bytes.len};
  *n = left;
  if (!result) result = stralloc_insertb(sa, base, bytes.s + at, bytes.len - at) ? 0 : -1;
  stralloc_free(&bytes);
  return result;
}

int logs_tail_at(stralloc *sa, int dir, size_t n, logs_place *end)
{
  logfiles seen = LOGFILES_ZERO;
  size_t base = sa->len;
  int fd = logfiles_before(&seen, dir, -1);
  int result = 0;

  while (fd >= 0)
  {
    int before = -1;
    result = logs_add_file(sa, base, fd, &n, end);
    if (!result)
      before = n && sa->len - base < LOGS_MEMORY ? logfiles_before(&seen, dir, fd) : (errno = ENOENT, -1);
    int e = errno;
    if (!end || end->fd != fd) fd_close(fd);
    errno = e;
    end = 0;
    fd = before;
  }
  if (errno != ENOENT) result = -1;
  logfiles_free(&seen);
  return result;
}

int logs_tail(stralloc *sa, char const *dir, size_t n, tain const *since)
{
  size_t base = sa->len;
  int fd = walk_directory(AT_FDCWD, dir);
  int result;

  if (fd < 0) return -1;
  result = logs_tail_at(sa, fd, n, 0);
  fd_close(fd);
  if (!result && since)
  {
    size_t skip = skip_old(sa->s + base, sa->len - base, since);
    memmove(sa->s + base, sa->s + base + skip, sa->len - base - skip);
    sa->len -= skip;
  }
  return result;
}

typedef int taker(void *data, char const *lines, size_t len);

/* The whole lines from there on; the rest of a line waits for its end. */
static int more_of_file(logs_place *p, taker *f, void *data)
{
  char buf[65536];
  ssize_t n;

  while ((n = pread(p->fd, buf, sizeof buf, p->at)) > 0)
  {
    char const *end = memrchr(buf, '\n', (size_t)n);
    size_t len = end ? (size_t)(end - buf) + 1 : (size_t)n == sizeof buf ? sizeof buf : 0;
    if (!len) return 0;
    if (f(data, buf, len) < 0) return -1;
    p->at += (off_t)len;
  }
  return n < 0 ? -1 : 0;
}

int logs_more(int dir, logs_place *p, taker *f, void *data)
{
  int next;

  while ((next = logfiles_next(dir, p->fd)) >= 0)
  {
    int r = p->fd < 0 ? 0 : more_of_file(p, f, data);
    if (p->fd >= 0) fd_close(p->fd);
    *p = (logs_place){.fd = next};
    if (r < 0) return -1;
  }
  if (errno != ENOENT) return -1;
  return p->fd < 0 ? 0 : more_of_file(p, f, data);
}

/*
 * Whether what is shown may have characters beyond ASCII: not on a terminal of another encoding, where their bytes may
 * be control characters (0x9b is CSI in ISO 8859-1).
 */
static int logs_wide(void)
{
  static int wide = -1;

  if (wide < 0)
    wide = (!isatty(1) && !isatty(2)) || (setlocale(LC_CTYPE, "") && !strcmp(nl_langinfo(CODESET), "UTF-8"));
  return wide;
}

static int human_line(stralloc *sa, char const *s, size_t len)
{
  char stamp[TIMESTAMP + 1];
  char words[WORDS_MAX];
  tain t;

  if (len > TIMESTAMP)
  {
    memcpy(stamp, s, TIMESTAMP);
    stamp[TIMESTAMP] = 0;
    if (timestamp_scan(stamp, &t) == TIMESTAMP)
    {
      if (!stralloc_cats(sa, words_time(words, &t))) return -1;
      s += TIMESTAMP;
      len -= TIMESTAMP;
    }
  }
  /* A log may hold a stranger's bytes: none of them reaches the terminal as a command. */
  for (size_t n; len; s += n, len -= n)
  {
    unsigned int u = '\t';
    n = *s == '\t' ? 1 : utf8_scan(&u, s, len);
    if (!(u == '?' || (u > 126 && !logs_wide()) ? stralloc_catb(sa, "?", 1) : stralloc_catb(sa, s, n)))
      return -1;
  }
  return stralloc_catb(sa, "\n", 1) ? 0 : -1;
}

int logs_human(stralloc *sa, char const *lines, size_t len, char const *indent)
{
  while (len)
  {
    char const *end = memchr(lines, '\n', len);
    size_t n = end ? (size_t)(end - lines) : len;
    if (!stralloc_cats(sa, indent) || human_line(sa, lines, n) < 0) return -1;
    n += end != 0;
    lines += n;
    len -= n;
  }
  return 0;
}

int logs_lost(char const *log, char const *name)
{
  char path[PATH_MAX];

  snprintf(path, sizeof path, "%s/%s/current", log, name);
  return access(path, F_OK) < 0 && errno == ENOENT;
}
