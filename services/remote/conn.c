#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <runlib/clock.h>

#include "conn.h"

int conn_open(conn *c, target const *t, unsigned int port, unsigned int seconds)
{
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  struct sockaddr const *a = t->family == 4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
  int e = 0, now = 1;
  socklen_t n = sizeof e;

  memcpy(&v4.sin_addr, t->ip, 4);
  memcpy(&v6.sin6_addr, t->ip, 16);
  c->at = c->len = c->out.len = 0;
  c->fd = socket(a->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) return -1;
  (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
  if (!connect(c->fd, a, t->family == 4 ? sizeof v4 : sizeof v6)) return 0;
  if (errno != EINPROGRESS || clock_await(c->fd, POLLOUT, clock_ms() + (uint64_t)seconds * 1000) < 0 ||
      getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0)
    return -1;
  errno = e;
  return e ? -1 : 0;
}

/* After a call of OpenSSL that did not succeed: waits for what it needs. */
static int tls_wait(conn const *c, int result, uint64_t deadline)
{
  switch (SSL_get_error(c->ssl, result))
  {
    case SSL_ERROR_WANT_READ: return clock_await(c->fd, POLLIN, deadline);
    case SSL_ERROR_WANT_WRITE: return clock_await(c->fd, POLLOUT, deadline);
    case SSL_ERROR_ZERO_RETURN: return (errno = EPIPE, -1);
    case SSL_ERROR_SYSCALL:
      if (!errno) errno = EPIPE;
      return -1;
    default: return (errno = EPROTO, -1);
  }
}

static ssize_t write_some(conn const *c, char const *s, size_t n, uint64_t deadline)
{
  for (;;)
  {
    ssize_t r;
    errno = 0;
    if (c->ssl)
    {
      r = SSL_write(c->ssl, s, n < INT32_MAX ? (int)n : INT32_MAX);
      if (r <= 0 && tls_wait(c, (int)r, deadline) < 0) return -1;
    }
    else
    {
      r = send(c->fd, s, n, MSG_NOSIGNAL);
      if (r < 0 && errno == EAGAIN ? clock_await(c->fd, POLLOUT, deadline) < 0 : r < 0 && errno != EINTR)
        return -1;
    }
    if (r > 0) return r;
  }
}

static ssize_t read_some(conn *c, uint64_t deadline)
{
  for (;;)
  {
    ssize_t r;
    errno = 0;
    if (c->ssl)
    {
      r = SSL_read(c->ssl, c->in, sizeof c->in);
      if (r <= 0 && tls_wait(c, (int)r, deadline) < 0) return -1;
    }
    else
    {
      r = recv(c->fd, c->in, sizeof c->in, 0);
      if (!r) return (errno = EPIPE, -1);
      if (r < 0 && errno == EAGAIN ? clock_await(c->fd, POLLIN, deadline) < 0 : r < 0 && errno != EINTR)
        return -1;
    }
    if (r > 0) return r;
  }
}

int conn_flush(conn *c, unsigned int seconds)
{
  uint64_t deadline = clock_ms() + (uint64_t)seconds * 1000;

  for (size_t done = 0; done < c->out.len;)
  {
    ssize_t n = write_some(c, c->out.s + done, c->out.len - done, deadline);
    if (n < 0) return -1;
    done += (size_t)n;
  }
  c->out.len = 0;
  return 0;
}

static int read_reply(conn *c, reply *r, uint64_t deadline)
{
  int done = 0;

  while (!done)
  {
    size_t used;
    if (c->at == c->len)
    {
      ssize_t n = read_some(c, deadline);
      if (n < 0) return -1;
      c->at = 0;
      c->len = (size_t)n;
    }
    done = reply_feed(r, c->in + c->at, c->len - c->at, &used);
    c->at += used;
  }
  return done < 0 ? -1 : 0;
}

/* A server that refuses and closes while it is written to has said why: it is heard before the write's failure counts. */
int conn_reply(conn *c, reply *r, unsigned int seconds)
{
  reply_clear(r);
  if ((conn_flush(c, seconds) == 0 || errno != ETIMEDOUT) &&
      read_reply(c, r, clock_ms() + (uint64_t)seconds * 1000) == 0)
    return 0;
  r->code = 0;
  return -1;
}

int conn_shake(conn *c, SSL *ssl, unsigned int seconds)
{
  uint64_t deadline = clock_ms() + (uint64_t)seconds * 1000;
  int r;

  c->ssl = ssl;
  if (!SSL_set_fd(ssl, c->fd)) return (errno = EPROTO, -1);
  while (errno = 0, (r = SSL_connect(ssl)) <= 0)
    if (tls_wait(c, r, deadline) < 0) return -1;
  return 0;
}

int conn_waits(conn const *c)
{
  return c->at < c->len;
}

void conn_close(conn *c)
{
  if (c->ssl) SSL_free(c->ssl);
  if (c->fd >= 0) close(c->fd);
  c->ssl = 0;
  c->fd = -1;
}
