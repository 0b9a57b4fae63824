#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/address.h>
#include <runlib/clock.h>
#include <runlib/policyclient.h>

#define SPARED 30000 /* ms for which a server that failed is not asked */

static socklen_t socket_address(char const *where, struct sockaddr_storage *to)
{
  struct sockaddr_un *un = (struct sockaddr_un *)to;
  struct sockaddr_in *in = (struct sockaddr_in *)to;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
  address a;

  memset(to, 0, sizeof *to);
  if (!strncmp(where, "unix:", 5))
  {
    un->sun_family = AF_UNIX;
    strncpy(un->sun_path, where + 5, sizeof un->sun_path - 1);
    return sizeof *un;
  }
  (void)address_scan(where + 5, &a);
  if (a.family == 6)
  {
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(a.port);
    memcpy(&in6->sin6_addr, a.ip, 16);
    return sizeof *in6;
  }
  in->sin_family = AF_INET;
  in->sin_port = htons(a.port);
  memcpy(&in->sin_addr, a.ip, 4);
  return sizeof *in;
}

static int open_connection(char const *where, uint64_t deadline)
{
  struct sockaddr_storage to;
  socklen_t len = socket_address(where, &to), size = sizeof(int);
  int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), e = 0;

  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr *)&to, len) < 0)
  {
    e = errno;
    if (e == EINPROGRESS)
      e = clock_await(fd, POLLOUT, deadline) < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &size) < 0
              ? errno
              : e;
  }
  if (!e) return fd;
  fd_close(fd);
  errno = e;
  return -1;
}

static int send_all(int fd, char const *s, size_t len, uint64_t deadline)
{
  while (len)
  {
    ssize_t w = send(fd, s, len, MSG_NOSIGNAL);
    if (w < 0 && errno == EAGAIN && clock_await(fd, POLLOUT, deadline) < 0) return -1;
    if (w < 0 && errno != EAGAIN && errno != EINTR) return -1;
    if (w < 0) continue;
    s += w;
    len -= (size_t)w;
  }
  return 0;
}

/* Reads up to the empty line. */
static int receive(int fd, stralloc *answer, size_t most, uint64_t deadline)
{
  answer->len = 0;
  for (;;)
  {
    ssize_t r;
    char *end;
    if (!stralloc_readyplus(answer, 512)) return -1;
    if (clock_await(fd, POLLIN, deadline) < 0) return -1;
    r = recv(fd, answer->s + answer->len, 512, 0);
    if (r < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (!r) errno = answer->len ? EPROTO : ECONNRESET;
    if (r <= 0) return -1;
    answer->len += (size_t)r;
    if (memchr(answer->s, 0, answer->len) || answer->len > most) return (errno = EPROTO, -1);
    end = memmem(answer->s, answer->len, "\n\n", 2);
    if (!end) continue;
    /* What follows would be taken for the next answer. */
    if (end + 2 != answer->s + answer->len) return (errno = EPROTO, -1);
    answer->len = (size_t)(end + 1 - answer->s);
    return 0;
  }
}

void policyclient_close(policyclient *c)
{
  if (c->fd >= 0) fd_close(c->fd);
  c->fd = -1;
}

int policyclient_ask(policyclient *c, char const *where, unsigned int ms, char const *question, size_t len,
                     stralloc *answer, size_t most)
{
  uint64_t now = clock_ms(), deadline = now + ms;
  int e;

  if (now < c->again) return (errno = EAGAIN, -1);
  for (;;)
  {
    int kept = c->fd >= 0;
    if (!kept && (c->fd = open_connection(where, deadline)) < 0) break;
    if (!send_all(c->fd, question, len, deadline) && !receive(c->fd, answer, most, deadline)) return 0;
    e = errno;
    policyclient_close(c);
    errno = e;
    /* A server may close a connection that was idle: that is no answer, and no failure. */
    if (!kept || (e != ECONNRESET && e != EPIPE)) break;
  }
  c->again = clock_ms() + SPARED;
  return -1;
}
