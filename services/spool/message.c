#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include <services/spool/message.h>

#define CHUNK 65536U

/* Reads n bytes at offset; a file that is shorter than it said is EPROTO. */
static int read_at(int fd, char *s, size_t n, uint64_t offset)
{
  while (n)
  {
    ssize_t r = pread(fd, s, n, (off_t)offset);
    if (r < 0 && errno == EINTR) continue;
    if (!r) errno = EPROTO;
    if (r <= 0) return -1;
    s += r;
    n -= (size_t)r;
    offset += (uint64_t)r;
  }
  return 0;
}

static int check_envelope(stralloc const *envelope)
{
  envelope_scan scan = ENVELOPE_SCAN_ZERO;
  size_t used;

  scan.marks = "TSDOB";
  if (envelope_feed(&scan, envelope->s, envelope->len, &used) == 1 && used == envelope->len &&
      scan.recipients)
    return 0;
  errno = EPROTO;
  return -1;
}

static int load(message *m)
{
  char trailer[ENVELOPE_TRAILER];
  struct stat st;
  uint64_t size;
  size_t n;

  if (fstat(m->fd, &st) < 0) return -1;
  size = (uint64_t)st.st_size;
  if (!S_ISREG(st.st_mode) || size < ENVELOPE_TRAILER)
  {
    errno = EPROTO;
    return -1;
  }
  if (read_at(m->fd, trailer, sizeof trailer, size - sizeof trailer) < 0 ||
      envelope_trailer_scan(trailer, size, &m->len) < 0)
    return -1;
  n = (size_t)(size - sizeof trailer - m->len);
  m->envelope.len = 0;
  if (!stralloc_ready(&m->envelope, n) || read_at(m->fd, m->envelope.s, n, m->len) < 0) return -1;
  m->envelope.len = n;
  return check_envelope(&m->envelope);
}

int message_open_fd(message *m, int fd)
{
  int e;

  m->fd = fd;
  if (!load(m)) return 0;
  e = errno;
  message_close(m);
  errno = e;
  return -1;
}

/* What an administrator put into todo/ may be anything: no link is followed, and no FIFO is waited for. */
int message_open(message *m, int at, char const *name)
{
  m->marks = 1;
  m->fd = openat(at, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (m->fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS))
  {
    m->marks = 0;
    m->fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  }
  if (m->fd >= 0) return message_open_fd(m, m->fd);
  if (errno == ELOOP || errno == EISDIR || errno == ENXIO || errno == ENODEV) errno = EPROTO;
  return -1;
}

void message_close(message *m)
{
  if (m->fd >= 0) close(m->fd);
  m->fd = -1;
  stralloc_free(&m->envelope);
}

void message_mark(message *m, size_t place, char mark)
{
  m->envelope.s[place] = mark;
  if (m->marks && pwrite(m->fd, &mark, 1, (off_t)(m->len + place)) < 0) m->marks = 0;
}

int message_copy(message const *m, int fd)
{
  char s[CHUNK];

  for (uint64_t done = 0; done < m->len;)
  {
    size_t n = m->len - done < sizeof s ? (size_t)(m->len - done) : sizeof s;
    if (read_at(m->fd, s, n, done) < 0 || allwrite(fd, s, n) < n) return -1;
    done += n;
  }
  return 0;
}

int message_history(message const *m, history *h)
{
  static char s[MESSAGE_HEADER_MAX];
  size_t n = m->len < sizeof s ? (size_t)m->len : sizeof s;
  size_t first = n < 8192 ? n : 8192;

  /* Most headers are short: the rest is read only if the first part does not end it. */
  if (read_at(m->fd, s, first, 0) < 0) return -1;
  if (memmem(s, first, "\n\n", 2))
    n = first;
  else if (n > first && read_at(m->fd, s + first, n - first, first) < 0)
    return -1;
  if (!spool_history_read(h, s, n)) return 0;
  errno = ENOMEM;
  return -1;
}

int printable(stralloc *sa, char const *s)
{
  size_t n = strlen(s);

  if (!stralloc_readyplus(sa, n + 1)) return -1;
  for (; n; n--, s++) sa->s[sa->len++] = (unsigned char)*s < ' ' || *s == 127 ? '?' : *s;
  sa->s[sa->len] = 0;
  return 0;
}
