#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <runlib/clock.h>

#include "server.h"

#define ACCEPT_BATCH 64
#define ACCEPT_PAUSE 200   /* ms, when there is no descriptor or no memory */
#define KEEP_EVERY   10000 /* ms */
#define SWEEP        1000  /* records each time */
#define SYNC_EVERY   60000 /* ms */
#define DRAIN        5000  /* ms */

static void clocks(server *s)
{
  struct timespec ts;

  s->now = clock_ms();
  clock_gettime(CLOCK_REALTIME, &ts);
  s->wall = ts.tv_sec > 0 ? (uint64_t)ts.tv_sec : 1;
}

int server_init(server *s)
{
  s->x = malloc((1 + SERVER_LISTENERS + RESOLVE_FDS + s->clients_max) * sizeof *s->x);
  clocks(s);
  s->kept = s->synced = s->now;
  return s->x ? 0 : -1;
}

int server_listen(server *s, int fd)
{
  if (s->n == SERVER_LISTENERS) return (errno = ENOSPC, -1);
  s->listeners[s->n++] = fd;
  return 0;
}

/* Which of its places in x a client has: what it waits for. */
static void prepare_client(client const *c, struct pollfd *x)
{
  x->fd = c->fd;
  x->events = (short)(c->out.len ? POLLOUT : c->busy || c->ended ? 0 : POLLIN);
  x->revents = 0;
}

static int accepting(server const *s)
{
  return !s->end_by && s->now >= s->paused;
}

/*
 * There is no room for one more: the client that has been here for longest without a question goes. It may
 * come back.
 */
static int make_room(server *s)
{
  for (client *c = s->oldest; c && s->clients >= s->clients_max; c = c->newer)
    if (!c->busy && !c->out.len && !c->in.len)
    {
      client_free(s, c);
      return 1;
    }
  return s->clients < s->clients_max;
}

/*
 * Returns the number of descriptors; *dns is where those of the resolver begin, *first where the clients'.
 * *ms: how long to wait.
 */
static unsigned int prepare(server *s, unsigned int *dns, unsigned int *first, int *ms)
{
  struct pollfd *x = s->x;
  unsigned int n = 0;

  x[n++] = (struct pollfd){.fd = s->signals, .events = POLLIN};
  for (unsigned int i = 0; i < s->n; i++)
    x[n++] = (struct pollfd){.fd = s->listeners[i], .events = accepting(s) ? POLLIN : 0};
  *dns = n;
  *ms = KEEP_EVERY;
  if (s->paused > s->now) *ms = ACCEPT_PAUSE;
  n += resolver_prepare(s->resolver, x + n, ms);
  *first = n;
  for (client *c = s->oldest; c; c = c->newer)
  {
    prepare_client(c, &x[n++]);
    if (!c->busy) continue;
    if (c->due <= s->now)
      *ms = 0;
    else if (c->due - s->now < (uint64_t)*ms)
      *ms = (int)(c->due - s->now);
  }
  if (s->end_by) *ms = *ms < 100 ? *ms : 100;
  return n;
}

static void accept_clients(server *s, int listener)
{
  for (unsigned int i = 0; i < ACCEPT_BATCH; i++)
  {
    int fd = accept4(listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
    {
      if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS) return;
      strerr_warnwusys("accept a client");
      s->paused = s->now + ACCEPT_PAUSE;
      return;
    }
    if (make_room(s) && client_new(s, fd) == 0) continue;
    fd_close(fd);
    s->paused = s->now + ACCEPT_PAUSE;
    return;
  }
}

static void judge_ready(server *s)
{
  while (s->ready)
  {
    client *c = s->ready;
    s->ready = c->ready;
    client_judge(s, c);
  }
}

/* Questions whose time is over: what the DNS has not said by now, it does not know. */
static void expire(server *s)
{
  for (client *c = s->oldest; c; c = c->newer)
    if (c->busy && c->due <= s->now)
    {
      counter_add(s->tallies[TALLY_LATE], 1);
      lookups_expire(&c->lookups);
      client_judge(s, c);
    }
}

static void keep(server *s)
{
  greylist_age age = {s->settings, s->wall, 0};
  dnslist const *d = genalloc_s(dnslist, &s->settings->dnslists);
  unsigned int unusable = 0;

  for (size_t n = genalloc_len(dnslist, &s->settings->dnslists); n; n--, d++)
    unusable += d->unusable > s->wall;
  counter_set(s->tallies[GAUGE_UNUSABLE], unusable);
  counter_set(s->tallies[GAUGE_DNS_ASKED], resolver_asked(s->resolver));
  counter_set(s->tallies[GAUGE_DNS_FAILED], resolver_failed(s->resolver));
  counter_set(s->tallies[GAUGE_CLIENTS], s->clients);
  if (!s->store) return;
  counter_set(s->tallies[GAUGE_ENTRIES], store_entries(s->store));
  if (s->now - s->kept < KEEP_EVERY) return;
  s->kept = s->now;
  store_sweep(s->store, SWEEP, &greylist_old, &age);
  counter_add(s->tallies[TALLY_EXPIRED], age.removed);
}

static void serve_clients(server *s, struct pollfd const *x)
{
  client *last = s->newest; /* those accepted in this turn have no place in x */

  for (client *c = s->oldest; c; c = c->newer, x++)
  {
    if (x->revents & POLLIN)
      client_read(s, c);
    else if (x->revents & (POLLERR | POLLHUP))
      c->gone = 1;
    if (c == last) break;
  }
}

/* What was decided is written down before it is said. */
static void send_answers(server *s, int sync)
{
  client *next;

  if (s->store) store_commit(s->store, sync);
  for (client *c = s->oldest; c; c = next)
  {
    next = c->newer;
    client_flush(c);
    if (c->gone || ((s->end_by || c->ended) && !c->busy && !c->out.len)) client_free(s, c);
  }
}

int server_turn(server *s)
{
  unsigned int dns, first, n;
  int ms, sync;

  n = prepare(s, &dns, &first, &ms);
  if (poll(s->x, n, ms) < 0 && errno != EINTR) return -1;
  clocks(s);
  if (s->refreshed != s->wall) settings_refresh(s->settings);
  s->refreshed = s->wall;
  resolver_run(s->resolver, s->x + dns, first - dns);
  judge_ready(s);
  serve_clients(s, s->x + first);
  expire(s);
  for (unsigned int i = 0; i < s->n; i++)
    if (s->x[1 + i].revents && accepting(s)) accept_clients(s, s->listeners[i]);
  sync = s->now - s->synced >= SYNC_EVERY;
  if (sync) s->synced = s->now;
  keep(s);
  send_answers(s, sync);
  return s->x[0].revents != 0;
}

void server_end(server *s)
{
  for (unsigned int i = 0; i < s->n; i++) fd_close(s->listeners[i]);
  s->n = 0;
  s->end_by = s->now + DRAIN;
}

int server_done(server const *s)
{
  return s->end_by && (!s->clients || s->now >= s->end_by);
}
