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
  if (s->end_by && due) due = s->end_by;
  if (!c->due && due) s->due++;
  if (c->due && !due) s->due--;
  c->due = due;
}

void client_events(server *s, client *c, unsigned int events)
{
  struct epoll_event ev = {.events = events, .data.ptr = c};

  if (c->events == events) return;
  c->events = events;
  epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &ev);
}

client *client_new(server *s, int fd, asker who)
{
  size_t room = who.may & ASKER_POLICY ? POLICY_REQUEST_MAX : SERVER_IN;
  client *c = malloc(sizeof *c + room);
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};

  if (!c) return 0;
  memset(c, 0, sizeof *c);
  c->room = room;
  if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
  {
    free(c);
    return 0;
  }
  c->fd = fd;
  c->asker = who;
  c->events = EPOLLIN;
  link_newest(s, c);
  s->clients++;
  if (who.may & ASKER_TCP) set_due(s, c, s->engine->now + TIMEOUT_TCP);
  return c;
}

void client_drop(server *s, client *c)
{
  if (c->fd < 0) return;
  if (c->wait || c->policy) client_forget(s, c);
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
 * Sends what is in s->out. What the client does not take is kept, up to a bound for all clients.
 * Returns 0, or -1: the client is gone.
 */
int client_deliver(server *s, client *c)
{
  ssize_t w;
  size_t rest;

  if (!s->out.len) return 0;
  errno = EAGAIN;
  w = c->out.len ? -1 : send(c->fd, s->out.s, s->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (w < 0 && errno != EAGAIN && errno != EINTR)
  {
    client_drop(s, c);
    return -1;
  }
  rest = s->out.len - (w < 0 ? 0 : (size_t)w);
  if (!rest) return 0;
  if (s->held + rest > SERVER_HELD || !stralloc_catb(&c->out, s->out.s + s->out.len - rest, rest))
  {
    client_drop(s, c);
    return -1;
  }
  s->held += rest;
  set_due(s, c, s->engine->now + TIMEOUT_UNIX);
  client_events(s, c, EPOLLOUT);
  return 0;
}

/*
 * After the answer, the original server closes. Bytes that nobody read would make that a reset, which may eat
 * the answer, so that a client that said too much is waited for.
 */
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

/* The next whole line: its length in *n and the place behind it in *next. 0: there is none yet. */
static char const *next_line(client *c, size_t *n, size_t *next)
{
  char const *line = c->in + c->at;
  size_t rest = c->len - c->at;
  char const *end = memchr(line, '\n', rest);

  *n = end ? (size_t)(end - line) : rest;
  *next = c->at + *n + !!end;
  /* with its CR, a line may be one longer; a longer one is answered before its end */
  if (!end && *n <= REQUEST_MAX + 1) return 0;
  if (*n && line[*n - 1] == '\r') --*n;
  return line;
}

/* Turns whole lines into questions, CLIENT_LINES at most. Returns 1 if there may be more. */
static int collect(server *s, client *c)
{
  size_t n, next;
  unsigned int most = c->asker.may & ASKER_TCP ? 1 : CLIENT_LINES;
  char const *line;

  while (c->questions < most)
  {
    question *w = &s->questions[s->n_questions];
    int skip = c->skip;
    line = next_line(c, &n, &next);
    if (!line) return 0;
    c->at = next;
    c->skip = c->in[next - 1] != '\n';
    if (skip) continue;
    engine_read(s->engine, line, n, c->asker, w);
    s->n_questions++;
    c->questions++;
    if (question_is_long(w)) break;
  }
  return 1;
}

/* Back to waiting, after what was collected is answered and sent. */
void client_settle(server *s, client *c, int any)
{
  c->len -= c->at;
  if (c->len && c->at) memmove(c->in, c->in + c->at, c->len);
  c->at = 0;
  if (any && c->asker.may & ASKER_TCP)
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
  if (c->more)
    enqueue(s, c);
  else if (s->end_by)
    client_drop(s, c);
  else if (!(c->asker.may & ASKER_TCP))
    set_due(s, c, !c->len && !c->skip ? 0 : any || !c->due ? s->engine->now + TIMEOUT_UNIX : c->due);
}

static void ask(server *s, client *c)
{
  if (c->asker.may & ASKER_POLICY)
  {
    s->out.len = 0;
    client_policy(s, c, 0);
    return;
  }
  if (s->n_questions > SERVER_QUESTIONS - CLIENT_LINES) server_answer(s);
  c->questions = 0;
  c->more = (unsigned int)collect(s, c);
  if (c->questions)
    s->asking[s->n_asking++] = c;
  else
    client_settle(s, c, 0);
}

void client_answer(server *s, client *c, question const *w)
{
  unsigned int n = c->questions;

  c->questions = 0;
  s->out.len = 0;
  for (unsigned int i = 0; i < n && c->fd >= 0; i++)
    if (engine_reply(s->engine, w + i, &s->out) < 0)
    {
      server_pause(s, "answer a client");
      client_drop(s, c); /* no memory: no answer rather than a wrong one */
    }
  if (c->fd < 0 || client_deliver(s, c) < 0) return;
  s->answered += n;
  client_settle(s, c, 1);
}

void server_answer(server *s)
{
  question *w = s->questions;

  for (unsigned int i = 0; i < s->n_questions; i++) engine_find(s->engine, &s->questions[i]);
  for (unsigned int i = 0; i < s->n_asking; i++)
  {
    client *c = s->asking[i];
    unsigned int n = c->questions;
    if (!client_waits(s, c, w)) client_answer(s, c, w);
    w += n;
  }
  s->n_questions = s->n_asking = 0;
  if (s->out.a > SERVER_OUT) stralloc_free(&s->out);
}

static void read_linger(server *s, client *c)
{
  ssize_t r = recv(c->fd, c->in, c->room, MSG_DONTWAIT);
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
  if (c->queued || c->questions || c->out.len) return;
  r = recv(c->fd, c->in + c->len, c->room - c->len, MSG_DONTWAIT);
  if (r < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (r <= 0)
  {
    client_drop(s, c);
    return;
  }
  c->len += (size_t)r;
  ask(s, c);
}

void client_again(server *s, client *c)
{
  c->queued = 0;
  if (c->fd >= 0)
  {
    ask(s, c);
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
  client_events(s, c, EPOLLIN);
  if (c->over)
  {
    end_tcp(s, c);
    return;
  }
  set_due(s, c, 0);
  if (!c->questions) ask(s, c);
}
