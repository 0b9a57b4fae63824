#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <skalibs/djbunix.h>

#include <runlib/clock.h>
#include <runlib/dial.h>
#include <runlib/policyclient.h>

#define SPARED 30000 /* ms for which a server that failed is not asked */

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
    if (!kept && (c->fd = dial_open(where, deadline)) < 0) break;
    if (!dial_send(c->fd, question, len, deadline) && !receive(c->fd, answer, most, deadline)) return 0;
    e = errno;
    policyclient_close(c);
    errno = e;
    /* A server may close a connection that was idle: that is no answer, and no failure. */
    if (!kept || (e != ECONNRESET && e != EPIPE)) break;
  }
  c->again = clock_ms() + SPARED;
  return -1;
}
