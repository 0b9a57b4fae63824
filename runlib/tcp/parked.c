#include <errno.h>
#include <sys/socket.h>

#include <skalibs/djbunix.h>
#include <skalibs/error.h>

#include <runlib/clock.h>
#include <runlib/tcp/proxy.h>
#include <runlib/tcp/server.h>

/* Connections of a balancer that has not yet said for whom they are. A header comes at once; nobody is waited for. */

#define PARKED_TIME 5000 /* ms */

static void at_least(int fd, int n)
{
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &n, sizeof n);
}

/* Returns whether the connection is over with: served, or dropped. */
static int look(server *s, parked *p)
{
  connection *c = &p->connection;
  unsigned char head[PROXY_MAX];
  endpoint local, remote;
  size_t used;
  ssize_t n = recv(c->fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
  proxy_result is;

  if (n < 0 && error_isagain(errno)) return 0;
  if (n <= 0) return 1;
  is = proxy_scan(head, (size_t)n, &used, &local, &remote);
  if (is == PROXY_MORE && n < PROXY_MAX && (size_t)n > p->seen)
  {
    p->seen = (size_t)n;
    at_least(c->fd, (int)n + 1);
    return 0;
  }
  if (is < PROXY_OWN)
  {
    server_refuse(s, c, 0, "it said no header of the PROXY protocol (-P)");
    return 1;
  }
  if (is == PROXY_CLIENT)
  {
    c->local = local;
    c->remote = remote;
  }
  at_least(c->fd, 1);
  if (recv(c->fd, head, used, MSG_DONTWAIT) == (ssize_t)used) server_serve(s, c);
  return 1;
}

static void leave(server *s, unsigned int i)
{
  fd_close(s->parked[i].connection.fd);
  s->parked[i] = s->parked[--s->nparked];
}

int parked_comes(server const *s, endpoint const *remote)
{
  unsigned char ip[16];

  endpoint_wide(ip, remote);
  return nets_find(&s->o->proxies, ip, 0) != 0;
}

void parked_take(server *s, connection const *c)
{
  unsigned int oldest = 0;

  for (unsigned int i = 1; i < s->nparked; i++)
    if (s->parked[i].due < s->parked[oldest].due) oldest = i;
  if (s->nparked == PARKED_MAX) leave(s, oldest);
  s->parked[s->nparked++] = (parked){.connection = *c, .due = clock_boot_ms() + PARKED_TIME};
  if (look(s, s->parked + s->nparked - 1)) leave(s, s->nparked - 1);
}

void parked_look(server *s, unsigned int i)
{
  parked *p = s->parked + i;

  if (look(s, p)) leave(s, i);
}

uint64_t parked_expire(server *s)
{
  uint64_t now = s->nparked ? clock_boot_ms() : 0, next = UINT64_MAX;

  for (unsigned int i = s->nparked; i--;)
    if (s->parked[i].due <= now)
    {
      server_refuse(s, &s->parked[i].connection, 0, "no header of the PROXY protocol came (-P)");
      leave(s, i);
    }
    else if (s->parked[i].due < next)
      next = s->parked[i].due;
  return next;
}

void parked_forget(void *data)
{
  server *s = data;

  while (s->nparked) leave(s, s->nparked - 1);
}
