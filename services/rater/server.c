#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include "server-internal.h"

#define EVENTS       128
#define ACCEPT_BATCH 64
#define SWEEP_SETS   64

int server_init(server *s, engine *e, unsigned int clients_max)
{
  memset(s, 0, sizeof *s);
  s->engine = e;
  s->clients_max = clients_max;
  s->redis = 0;
  s->epoll = epoll_create1(EPOLL_CLOEXEC);
  return s->epoll < 0 ? -1 : 0;
}

static int watch(server *s, int fd, void *who, int op)
{
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = who};
  return epoll_ctl(s->epoll, op, fd, &ev);
}

int server_watch(server *s, int fd)
{
  return watch(s, fd, s, EPOLL_CTL_ADD);
}

int server_listen(server *s, int fd, unsigned int may)
{
  listener *l = &s->listeners[s->n];

  if (s->n == SERVER_LISTENERS)
  {
    errno = ENOSPC;
    return -1;
  }
  l->fd = fd;
  l->may = may;
  if (watch(s, fd, l, EPOLL_CTL_ADD) < 0) return -1;
  s->n++;
  return 0;
}

static asker asker_of(int fd, unsigned int may)
{
  asker a = {.may = may, .uid = (uid_t)-1};
  struct ucred who;
  socklen_t len = sizeof who;

  if (may & ASKER_TCP || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 || !who.pid) return a;
  if (who.uid == geteuid() || !who.uid) a.may |= ASKER_OWNER;
  a.uid = who.uid;
  return a;
}

void server_pause(server *s, char const *what)
{
  int e = errno;

  if (s->failing != e) strerr_warnwusys(what);
  s->failing = e;
  for (unsigned int i = 0; i < s->n; i++) epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->listeners[i].fd, 0);
  s->paused = s->engine->now + ACCEPT_PAUSE;
}

static void resume_listeners(server *s)
{
  if (!s->paused || s->engine->now < s->paused) return;
  s->paused = 0;
  for (unsigned int i = 0; i < s->n; i++) watch(s, s->listeners[i].fd, &s->listeners[i], EPOLL_CTL_ADD);
}

static void recover(server *s)
{
  if (s->failing) strerr_warni("clients are accepted again");
  s->failing = 0;
}

static int passing(int e)
{
  return e == EAGAIN || e == EINTR || e == ECONNABORTED || e == EPROTO || e == EPERM || e == ENETDOWN ||
         e == ENOPROTOOPT || e == EHOSTDOWN || e == ENONET || e == EHOSTUNREACH || e == ENETUNREACH;
}

static void accept_clients(server *s, listener const *l)
{
  for (unsigned int i = 0; i < ACCEPT_BATCH; i++)
  {
    int fd = accept4(l->fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
    {
      if (!passing(errno)) server_pause(s, "accept a client");
      return;
    }
    if (s->clients >= s->clients_max) client_drop(s, s->oldest);
    if (!client_new(s, fd, asker_of(fd, l->may)))
    {
      server_pause(s, "take a client");
      fd_close(fd);
      return;
    }
    recover(s);
  }
}

static int is_listener(server const *s, void const *p)
{
  return (char const *)p >= (char const *)s->listeners &&
         (char const *)p < (char const *)(s->listeners + SERVER_LISTENERS);
}

/* Clients that do not get on. Few have a deadline at a time, and this runs once a second while some have. */
static void expire(server *s)
{
  client *next;

  for (client *c = s->due ? s->oldest : 0; c; c = next)
  {
    next = c->newer;
    if (c->due && c->due <= s->engine->now) client_drop(s, c);
  }
}

static void answer_again(server *s)
{
  client *c = s->again;

  s->again = 0;
  while (c)
  {
    client *next = c->again;
    client_again(s, c);
    c = next;
  }
}

static void bury(server *s)
{
  while (s->dead)
  {
    client *c = s->dead;
    s->dead = c->again;
    free(c);
  }
}

static uint64_t now_us(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int timeout_of(server const *s)
{
  uint64_t now = s->engine->now;
  int ms = s->again || s->redis_due <= now ? 0 : s->due || s->paused || s->end_by ? 200 : -1;

  if (s->redis_due == UINT64_MAX || (ms >= 0 && s->redis_due - now >= (uint64_t)ms)) return ms;
  return s->redis_due - now > 60000 ? 60000 : (int)(s->redis_due - now);
}

/* The connection to Redis: what has come, what is due, and what epoll is to wait for. */
static void turn_redis(server *s)
{
  shared *r = s->engine->shared;
  struct epoll_event ev = {.data.ptr = &s->redis};
  unsigned int which;
  int fd, writes;

  s->redis_due = UINT64_MAX;
  if (!r) return;
  s->redis_due = shared_turn(r, s->engine->now);
  client_ready(s);
  fd = shared_fd(r, &writes, &which);
  if (fd < 0 || (which == s->redis && writes == s->redis_writes)) return;
  ev.events = EPOLLIN | (writes ? EPOLLOUT : 0);
  if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, fd, &ev) < 0) epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev);
  s->redis = which;
  s->redis_writes = writes;
}

void server_hurry(server *s)
{
  if (s->engine->shared) shared_hurry(s->engine->shared);
  client_ready(s);
}

/* What need not be done at every turn; the table's old keys are swept a few at a time, and never when idle. */
static void housekeep(server *s, uint64_t before)
{
  engine *e = s->engine;

  e->clients = s->clients;
  if (e->now / 128 == before / 128) return;
  resume_listeners(s);
  expire(s);
  table_sweep(&e->table, SWEEP_SETS, (uint32_t)(e->now / 1000));
}

int server_turn(server *s)
{
  struct epoll_event events[EVENTS];
  uint64_t before = s->engine->now, start;
  int n = epoll_wait(s->epoll, events, EVENTS, timeout_of(s));
  int watched = 0;

  if (n < 0 && errno != EINTR) return -1;
  start = now_us();
  s->engine->now = table_tick(&s->engine->table);
  s->answered = 0;
  answer_again(s);
  for (int i = 0; i < n; i++)
  {
    void *p = events[i].data.ptr;
    client *c = p;
    if (p == s)
      watched = 1;
    else if (p == &s->redis)
      continue;
    else if (is_listener(s, p))
      accept_clients(s, p);
    else if (c->fd >= 0 && c->out.len)
      client_write(s, c);
    else if (c->fd >= 0)
      client_read(s, c);
  }
  server_answer(s);
  turn_redis(s);
  if (s->answered) engine_latency(s->engine, s->answered, now_us() - start);
  housekeep(s, before);
  bury(s);
  return watched;
}

void server_end(server *s)
{
  client *next;

  for (unsigned int i = 0; i < s->n; i++)
  {
    accept_clients(s, &s->listeners[i]);
    fd_close(s->listeners[i].fd);
  }
  s->n = 0;
  s->paused = 0;
  for (client *c = s->oldest; c; c = next)
  {
    next = c->newer;
    client_read(s, c);
  }
  server_answer(s);
  server_hurry(s);
  for (client *c = s->oldest; c; c = next)
  {
    next = c->newer;
    /* Of TCP, one that was accepted and has not asked yet: its question is on the way, and has an answer to get. */
    int owed = c->asker.may & ASKER_TCP && !c->over;
    if (!c->out.len && !c->queued && !c->linger && !owed) client_drop(s, c);
  }
  s->due = 0;
  s->end_by = s->engine->now + TIMEOUT_DRAIN;
  for (client *c = s->oldest; c; c = c->newer)
  {
    c->due = s->end_by;
    s->due++;
  }
  bury(s);
}

int server_done(server const *s)
{
  return s->end_by && !s->clients;
}

void server_forked(server *s)
{
  if (s->engine->shared) shared_forked(s->engine->shared);
  client_ready(s);
  s->redis = 0;
  s->redis_due = 0;
  while (s->oldest) client_drop(s, s->oldest);
  answer_again(s);
  bury(s);
  stralloc_free(&s->out);
  fd_close(s->epoll);
}

int server_succeed(server *s)
{
  s->epoll = epoll_create1(EPOLL_CLOEXEC);
  s->paused = 0;
  for (unsigned int i = 0; i < s->n; i++)
    if (s->epoll < 0 || watch(s, s->listeners[i].fd, &s->listeners[i], EPOLL_CTL_ADD) < 0) return -1;
  return 0;
}

void server_free(server *s)
{
  for (unsigned int i = 0; i < s->n; i++) fd_close(s->listeners[i].fd);
  server_forked(s);
}
