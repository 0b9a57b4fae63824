#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Installed as a library of its own: the C library alone, nothing of skalibs. */
#include "rater.h"

static int64_t now_ms(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t deadline_in(unsigned int timeout_ms)
{
  return now_ms() + (timeout_ms ? timeout_ms : 1);
}

static int fail(int e)
{
  errno = e;
  return -1;
}

static int close_with(int fd, int e)
{
  close(fd);
  return fail(e);
}

/* Waits for events until the deadline. 0, or -1 and errno. */
static int wait_for(int fd, short events, int64_t deadline)
{
  struct pollfd p = {.fd = fd, .events = events};

  for (;;)
  {
    int64_t left = deadline - now_ms();
    int r;
    if (left <= 0) return fail(ETIMEDOUT);
    r = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
    if (r > 0) return 0;
    if (r < 0 && errno != EINTR) return -1;
  }
}

/*
 * A unix socket whose backlog is full cannot be polled for: connect waits itself, as long as SO_SNDTIMEO
 * lets it.
 */
static int connect_unix(char const *path, int64_t deadline)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  size_t n = strlen(path);
  int fd;

  if (n >= sizeof sa.sun_path) return fail(ENAMETOOLONG);
  memcpy(sa.sun_path, path, n + 1);
  fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  for (;;)
  {
    int64_t left = deadline - now_ms();
    struct timeval tv;
    if (left <= 0) return close_with(fd, ETIMEDOUT);
    tv.tv_sec = (time_t)(left / 1000);
    tv.tv_usec = (suseconds_t)(left % 1000 * 1000);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) < 0) return close_with(fd, errno);
    if (!connect(fd, (struct sockaddr *)&sa, sizeof sa)) return fd;
    if (errno == EAGAIN) return close_with(fd, ETIMEDOUT);
    if (errno != EINTR) return close_with(fd, errno);
  }
}

static int finish_connect(int fd, int64_t deadline)
{
  int e = 0;
  socklen_t len = sizeof e;

  if (errno != EINPROGRESS && errno != EINTR) return close_with(fd, errno);
  if (wait_for(fd, POLLOUT, deadline) < 0) return close_with(fd, errno);
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0) return close_with(fd, errno);
  return e ? close_with(fd, e) : fd;
}

static int scan_port(char const *s, in_port_t *port)
{
  unsigned int u = 0;

  if (!*s || strspn(s, "0123456789") != strlen(s) || strlen(s) > 5) return -1;
  while (*s) u = u * 10 + (unsigned int)(*s++ - '0');
  if (!u || u > 65535) return -1;
  *port = htons((uint16_t)u);
  return 0;
}

typedef union endpoint_u endpoint;
union endpoint_u
{
  struct sockaddr sa;
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
};

/* ADDRESS:PORT, no names. Returns the endpoint's size, 0 if text is none. */
static socklen_t scan_endpoint(char const *text, endpoint *e)
{
  char host[INET6_ADDRSTRLEN + 1];
  char const *colon = strrchr(text, ':');
  size_t n = colon ? (size_t)(colon - text) : 0;
  int six = n > 2 && text[0] == '[' && text[n - 1] == ']';

  if (six) text++, n -= 2;
  if (!n || n >= sizeof host) return 0;
  memcpy(host, text, n);
  host[n] = 0;
  memset(e, 0, sizeof *e);
  if (six)
  {
    e->in6.sin6_family = AF_INET6;
    if (inet_pton(AF_INET6, host, &e->in6.sin6_addr) != 1) return 0;
    return scan_port(colon + 1, &e->in6.sin6_port) < 0 ? 0 : sizeof e->in6;
  }
  e->in.sin_family = AF_INET;
  if (inet_pton(AF_INET, host, &e->in.sin_addr) != 1) return 0;
  return scan_port(colon + 1, &e->in.sin_port) < 0 ? 0 : sizeof e->in;
}

static int connect_tcp(char const *address, int64_t deadline)
{
  endpoint e;
  socklen_t size = scan_endpoint(address, &e);
  int fd;

  if (!size) return fail(EINVAL);
  fd = socket(e.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  return connect(fd, &e.sa, size) < 0 ? finish_connect(fd, deadline) : fd;
}

static int is_unix(char const *address)
{
  return !!strchr(address, '/');
}

static int send_all(int fd, char const *s, size_t n, int64_t deadline)
{
  while (n)
  {
    ssize_t w = send(fd, s, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (w >= 0)
    {
      s += w;
      n -= (size_t)w;
    }
    else if (errno == EAGAIN)
    {
      if (wait_for(fd, POLLOUT, deadline) < 0) return -1;
    }
    else if (errno != EINTR)
      return -1;
  }
  return 0;
}

/* Reads up to the newline, which is the last thing that raterd sends for one request. */
static long read_line(int fd, char *answer, size_t size, int64_t deadline)
{
  size_t n = 0;

  while (n < size)
  {
    ssize_t r = recv(fd, answer + n, size - n, MSG_DONTWAIT);
    if (r < 0 && errno == EAGAIN)
    {
      if (wait_for(fd, POLLIN, deadline) < 0) return -1;
    }
    else if (r < 0 && errno != EINTR)
      return -1;
    else if (!r)
      return fail(ECONNRESET);
    else if (r > 0)
    {
      char *end = memchr(answer + n, '\n', (size_t)r);
      n += (size_t)r;
      if (!end) continue;
      if (end != answer + n - 1) return fail(EPROTO);
      if (end > answer && end[-1] == '\r') end--;
      *end = 0;
      return end - answer;
    }
  }
  return fail(EMSGSIZE);
}

void rater_close(rater_connection *c)
{
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
}

/* line ends in its newline here. */
static long exchange_once(rater_connection *c, char const *line, size_t n, char *answer, size_t size,
                          int64_t deadline)
{
  long r;

  if (c->fd < 0)
  {
    c->fd = is_unix(c->address) ? connect_unix(c->address, deadline) : connect_tcp(c->address, deadline);
    if (c->fd < 0) return -1;
  }
  r = send_all(c->fd, line, n, deadline) < 0 ? -1 : read_line(c->fd, answer, size, deadline);
  if (r < 0 || !is_unix(c->address))
  {
    int e = errno;
    rater_close(c);
    errno = e;
  }
  return r;
}

static long exchange_until(rater_connection *c, char const *line, size_t n, char *answer, size_t size,
                           int64_t deadline)
{
  int kept = c->fd >= 0;
  long r = exchange_once(c, line, n, answer, size, deadline);

  if (r < 0 && kept && (errno == EPIPE || errno == ECONNRESET))
    r = exchange_once(c, line, n, answer, size, deadline);
  if (r < 0 && errno == EPIPE) errno = ECONNRESET;
  return r;
}

long rater_exchange(rater_connection *c, char const *line, size_t n, char *answer, size_t size,
                    unsigned int timeout_ms)
{
  char buf[RATER_LINE_MAX + 1];

  if (n > RATER_LINE_MAX || memchr(line, '\n', n)) return fail(EINVAL);
  memcpy(buf, line, n);
  buf[n] = '\n';
  return exchange_until(c, buf, n + 1, answer, size, deadline_in(timeout_ms));
}

static size_t put(char *line, size_t n, size_t most, char const *s)
{
  for (; *s && n < most; s++) line[n++] = *s == '\n' ? '?' : *s;
  return n;
}

#define QUANTITY_MAX 999999999999999999ull /* raterd reads 18 digits */

static size_t put_quantity(char *line, size_t n, uint64_t u)
{
  char digits[20];
  size_t len = 0;

  if (u > QUANTITY_MAX) u = QUANTITY_MAX;
  do digits[len++] = (char)('0' + u % 10);
  while (u /= 10);
  while (len) line[n++] = digits[--len];
  line[n++] = ' ';
  return n;
}

static int class_ok(char const *s)
{
  size_t n = strlen(s);
  return n && n <= 32 && s[0] != '!' && !s[strcspn(s, " \n")];
}

/* The request with its newline; line has RATER_LINE_MAX + 1 bytes. verb: of a quantity; empty: none. */
static size_t make_line(char *line, char const *verb, char const *class_name, char const *value,
                        uint64_t quantity)
{
  size_t n = put(line, 0, RATER_LINE_MAX, verb);

  if (*verb && quantity) n = put_quantity(line, n, quantity);
  n = put(line, n, RATER_LINE_MAX, class_name);
  line[n++] = ' ';
  n = put(line, n, RATER_LINE_MAX - 1, value);
  /* a CR at the end would not count as part of the value */
  if (line[n - 1] == '\r') line[n - 1] = '?';
  line[n++] = '\n';
  return n;
}

/* The decimal number at *s, moved behind it; saturates. 0: none there. */
static int scan_number(char const **s, uint64_t *u)
{
  char const *start = *s;

  for (*u = 0; **s >= '0' && **s <= '9'; ++*s)
    *u = *u > UINT64_MAX / 10 - 1 ? UINT64_MAX / 10 - 1 : *u * 10 + (uint64_t)(**s - '0');
  return *s > start;
}

/* `0 n/limit [seconds]`, `1 n/limit [seconds|-]`, `2 message`. */
static rater_answer scan_answer(char const *s, uint32_t *retry)
{
  rater_answer answer = s[0] == '1' ? RATER_REFUSED : RATER_ALLOWED;
  uint64_t u;

  if (s[0] == '2' && (s[1] == ' ' || !s[1])) return errno = EREMOTEIO, RATER_UNAVAILABLE;
  if ((s[0] != '0' && s[0] != '1') || s[1] != ' ') return errno = EPROTO, RATER_UNAVAILABLE;
  s += 2;
  if (!scan_number(&s, &u) || *s++ != '/' || !scan_number(&s, &u) || (*s && *s != ' '))
    return errno = EPROTO, RATER_UNAVAILABLE;
  if (*s++)
  {
    if (answer == RATER_REFUSED && *s == '-')
      *retry = RATER_NEVER;
    else if (scan_number(&s, &u))
      *retry = u < RATER_NEVER ? (uint32_t)u : RATER_NEVER - 1;
  }
  return answer;
}

rater_answer rater_ask_kept(rater_connection *c, char const *class_name, char const *value, uint64_t quantity,
                            unsigned int timeout_ms, uint32_t *retry)
{
  char line[RATER_LINE_MAX + 1];
  char answer[RATER_LINE_MAX];
  int64_t deadline = deadline_in(timeout_ms);
  uint32_t nobody;
  rater_answer a;
  size_t n;

  if (!retry) retry = &nobody;
  *retry = 0;
  if (!class_ok(class_name)) return errno = EINVAL, RATER_UNAVAILABLE;
  if (quantity != 1 && !is_unix(c->address)) return errno = EOPNOTSUPP, RATER_UNAVAILABLE;
  n = make_line(line, !quantity ? "!peek " : quantity > 1 ? "!add " : "", class_name, value, quantity);
  if (exchange_until(c, line, n, answer, sizeof answer, deadline) < 0) return RATER_UNAVAILABLE;
  a = scan_answer(answer, retry);
  if (a == RATER_UNAVAILABLE)
  {
    int e = errno;
    rater_close(c);
    errno = e;
  }
  return a;
}

rater_answer rater_ask(char const *address, char const *class_name, char const *value, uint64_t quantity,
                       unsigned int timeout_ms, uint32_t *retry)
{
  rater_connection c = RATER_CONNECTION(address);
  rater_answer a = rater_ask_kept(&c, class_name, value, quantity, timeout_ms, retry);
  int e = errno;

  rater_close(&c);
  errno = e;
  return a;
}

int rater_undo(char const *address, char const *class_name, char const *value, uint64_t quantity,
               unsigned int timeout_ms)
{
  rater_connection c = RATER_CONNECTION(address);
  char line[RATER_LINE_MAX + 1];
  char answer[RATER_LINE_MAX];
  long n;

  if (!class_ok(class_name) || !quantity) return fail(EINVAL);
  if (!is_unix(address)) return fail(EOPNOTSUPP);
  n = exchange_until(&c, line, make_line(line, "!undo ", class_name, value, quantity), answer, sizeof answer,
                     deadline_in(timeout_ms));
  if (n < 0) return -1; /* closed already */
  rater_close(&c);
  if (answer[0] == '0' && answer[1] == ' ') return 0;
  return fail(answer[0] == '2' ? EREMOTEIO : EPROTO);
}
