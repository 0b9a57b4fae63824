#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <skalibs/djbunix.h>

#include <runlib/clock.h>
#include <runlib/dial.h>

#include "milterlink.h"

#define SPARED 30000 /* ms for which one that let us wait in vain is not tried */
#define ROOM   4096

/* What fails at once may be tried at once. */
int milterlink_spare(milterlink *l)
{
  if (errno == ETIMEDOUT) l->again = clock_ms() + SPARED;
  return -1;
}

int milterlink_open(milterlink *l, milter_server const *m)
{
  uint64_t now = clock_ms();

  if (now < l->again) return (errno = EAGAIN, -1);
  l->in.len = l->taken = 0;
  l->fd = dial_open(m->address, now + m->connect);
  return l->fd < 0 ? milterlink_spare(l) : 0;
}

void milterlink_close(milterlink *l)
{
  if (l->fd >= 0) fd_close(l->fd);
  l->fd = -1;
}

int milterlink_idle(milterlink const *l)
{
  char c;

  return l->fd >= 0 && l->in.len == l->taken && recv(l->fd, &c, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

int milterlink_send(milterlink *l, milter_server const *m, char const *s, size_t len)
{
  /* It spoke before it was asked. */
  if (l->in.len != l->taken) return (errno = EPROTO, -1);
  return dial_send(l->fd, s, len, clock_ms() + m->command) < 0 ? milterlink_spare(l) : 0;
}

int milterlink_receive(milterlink *l, packet *p, uint64_t deadline)
{
  l->in.len -= l->taken;
  if (l->taken) memmove(l->in.s, l->in.s + l->taken, l->in.len);
  l->taken = 0;
  for (;;)
  {
    long n = packet_scan(p, l->in.s, l->in.len);
    ssize_t r;
    if (n > 0) return (l->taken = (size_t)n, 0);
    if (n < 0) return (errno = EPROTO, -1);
    if (!stralloc_readyplus(&l->in, ROOM)) return -1;
    /* It has hardly answered yet: to look before waiting would be a call more. */
    if (clock_await(l->fd, POLLIN, deadline) < 0) return -1;
    r = recv(l->fd, l->in.s + l->in.len, ROOM, 0);
    if (r > 0)
      l->in.len += (size_t)r;
    else if (!r)
      return (errno = l->in.len ? EPROTO : ECONNRESET, -1);
    else if (errno != EAGAIN && errno != EINTR)
      return -1;
  }
}
