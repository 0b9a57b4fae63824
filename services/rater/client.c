#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <skalibs/djbunix.h>

#include "server-internal.h"

static void unlink_age(server *s, client *c)
{
  if (c->older)
    c->older->newer = c->newer;
  else
    s->oldest = c->newer;
  if (c->newer)
    c->newer->older = c->older;
  else
    s->newest = c->older;
}

static void link_newest(server *s, client *c)
{
  c->older = s->newest;
  c->newer = 0;
  if (s->newest)
    s->newest->newer = c;
  else
    s->oldest = c;
  s->newest = c;
}

static void set_due(server *s, client *c, uint64_t due)
{
  if (!c->due && due) s->due++;
  if (c->due && !due) s->due--;
  c->due = due;
}

static void set_events(server *s, client *c, unsigned int events)
{
  struct epoll_event ev = {.events = events, .data.ptr = c};

  if (c->events == events) return;
  c->events = events;
  epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &ev);
}

client *client_new(server *s, int fd, unsigned int asker)
{
  client *c = malloc(sizeof *c);
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};

  if (!c) return 0;
  memset(c, 0, offsetof(client, in));
  if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
  {
    free(c);
    return 0;
  }
  c->fd = fd;
  c->asker = asker;
  c->events = EPOLLIN;
  link_newest(s, c);
  s->clients++;
  if (asker & ASKER_TCP) set_due(s, c, s->engine->now + TIMEOUT_TCP);
  return c;
}

void client_drop(server *s, client *c)
{
  if (c->fd < 0) return;
  set_due(s, c, 0);
  unlink_age(s, c);
  s->clients--;
  s->held -= c->out.len;
  stralloc_free(&c->out);
  fd_close(c->fd);
  c->fd = -1;
  if (c->queued) return; /* client_again will see to it */
  c->again = s->dead;
  s->dead = c;
}

static void enqueue(server *s, client *c)
{
  if (c->queued) return;
  c->queued = 1;
  c->again = s->again;
  s->again = c;
}

/*
 * Sends what is in s->out, behind what the client is owed already. What it does not take is kept, up to
 * a bound for all. Returns 0, or -1: the client is gone.
 */
static int deliver(server *s, client *c)
{
  ssize_t w = 0;

  if (!s->out.len) return 0;
  if (!c->out.len)
  {
    w = send(c->fd, s->out.s, s->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (w < 0 && errno != EAGAIN && errno != EINTR) goto drop;
    if (w < 0) w = 0;
  }
  if ((size_t)w < s->out.len)
  {
    size_t rest = s->out.len - (size_t)w;
    if (s->held + rest > SERVER_HELD || !stralloc_catb(&c->out, s->out.s + w, rest)) goto drop;
    s->held += rest;
    set_due(s, c, s->engine->now + TIMEOUT_UNIX);
    set_events(s, c, EPOLLOUT);
  }
  s->out.len = 0;
  return 0;

drop:
  s->out.len = 0;
  client_drop(s, c);
  return -1;
}

/* After the answer, the original server closes. Bytes not read would make that a reset, which may eat the answer. */
static void end_tcp(server *s, client *c)
{
  c->over = 1;
  if (c->out.len) return;
  if (!c->skip && !c->len)
  {
    client_drop(s, c);
    return;
  }
  shutdown(c->fd, SHUT_WR);
  c->linger = 1;
  set_due(s, c, s->engine->now + TIMEOUT_LINGER);
}

/* Answers the line at c->in[*at]; moves *at behind it. Returns 0 if there is no whole line. */
static int answer_line(server *s, client *c, size_t *at)
{
  char *line = c->in + *at;
  size_t rest = c->len - *at;
  char *end = memchr(line, '\n', rest);
  size_t n = end ? (size_t)(end - line) : rest;

  /* with its CR, a line may be one longer */
  if (!end && n <= REQUEST_MAX + 1) return 0;
  *at += end ? n + 1 : n;
  if (c->skip)
  {
    c->skip = !end;
    return 1;
  }
  if (n && line[n - 1] == '\r') n--;
  c->skip = !end;
  if (engine_answer(s->engine, line, n, c->asker, &s->out) < 0)
  {
    client_drop(s, c); /* no memory: no answer rather than a wrong one */
    return 0;
  }
  s->answered++;
  return 1;
}

/* Answers whole lines, as long as the client takes the answers. */
static void answer(server *s, client *c)
{
  size_t at = 0;
  int any = 0, whole = 1;

  while (s->out.len < SERVER_BATCH && (whole = answer_line(s, c, &at)))
  {
    any = 1;
    if (c->asker & ASKER_TCP) break;
  }
  if (c->fd < 0)
  {
    s->out.len = 0;
    return;
  }
  c->len -= at;
  if (c->len && at) memmove(c->in, c->in + at, c->len);
  if (deliver(s, c) < 0) return;
  if (any && c->asker & ASKER_TCP)
  {
    end_tcp(s, c);
    return;
  }
  if (any)
  {
    unlink_age(s, c);
    link_newest(s, c);
  }
  if (c->out.len) return;
  if (whole)
    enqueue(s, c);
  else if (!(c->asker & ASKER_TCP))
    set_due(s, c, !c->len && !c->skip ? 0 : any || !c->due ? s->engine->now + TIMEOUT_UNIX : c->due);
}

static void read_linger(server *s, client *c)
{
  ssize_t r = recv(c->fd, c->in, sizeof c->in, MSG_DONTWAIT);
  if (!r || (r < 0 && errno != EAGAIN && errno != EINTR)) client_drop(s, c);
}

void client_read(server *s, client *c)
{
  ssize_t r;

  if (c->linger)
  {
    read_linger(s, c);
    return;
  }
  if (c->queued || c->out.len) return;
  r = recv(c->fd, c->in + c->len, sizeof c->in - c->len, MSG_DONTWAIT);
  if (r < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (r <= 0)
  {
    client_drop(s, c);
    return;
  }
  c->len += (size_t)r;
  answer(s, c);
}

void client_again(server *s, client *c)
{
  c->queued = 0;
  if (c->fd >= 0)
  {
    answer(s, c);
    return;
  }
  c->again = s->dead;
  s->dead = c;
}

void client_write(server *s, client *c)
{
  ssize_t w = send(c->fd, c->out.s, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

  if (w < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (w < 0)
  {
    client_drop(s, c);
    return;
  }
  s->held -= (size_t)w;
  c->out.len -= (size_t)w;
  memmove(c->out.s, c->out.s + w, c->out.len);
  set_due(s, c, s->engine->now + TIMEOUT_UNIX);
  if (c->out.len) return;
  stralloc_free(&c->out);
  set_events(s, c, EPOLLIN);
  if (c->over)
  {
    end_tcp(s, c);
    return;
  }
  set_due(s, c, 0);
  answer(s, c);
}
