#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

#include <ares.h>

#include <runlib/clock.h>

#include "answer.h"
#include "resolve.h"

#define TRIES 2

struct resolver_s
{
  ares_channel channel;
  uint64_t asked, failed;
};

struct asked_s
{
  asked *next;
  lookups *owner; /* 0: nobody wants to know any more */
  dns_answer const *answer;
  dns_answer *own; /* to be freed */
  dns_type type;
  int open;   /* c-ares will call back */
  int within; /* lookups_find has not returned yet */
  char name[];
};

static dns_answer const nodata = {DNS_NODATA, 0, 0};
static dns_answer const nxdomain = {DNS_NXDOMAIN, 0, 0};
static dns_answer const failed = {DNS_FAILED, 0, 0};

char const *resolver_open(resolver **to, char const *servers, unsigned int timeout)
{
  struct ares_options o = {.timeout = (int)timeout, .tries = TRIES};
  resolver *r = calloc(1, sizeof *r);
  int e;

  if (!r) return "out of memory";
  if (ares_library_init(ARES_LIB_INIT_ALL) ||
      ares_init_options(&r->channel, &o, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES))
  {
    free(r);
    return "unable to use the DNS";
  }
  e = servers ? ares_set_servers_ports_csv(r->channel, servers) : 0;
  if (e)
  {
    ares_destroy(r->channel);
    free(r);
    return ares_strerror(e);
  }
  *to = r;
  return 0;
}

void resolver_close(resolver *r)
{
  ares_destroy(r->channel);
  free(r);
}

int resolver_server(resolver const *r, unsigned int i, char *text)
{
  struct ares_addr_node *servers = 0, *s;
  int found;

  if (ares_get_servers(r->channel, &servers) != ARES_SUCCESS) return 0;
  for (s = servers; s && i; i--) s = s->next;
  found = s && inet_ntop(s->family, &s->addr, text, RESOLVE_SERVER);
  ares_free_data(servers);
  return found;
}

uint64_t resolver_asked(resolver const *r)
{
  return r->asked;
}

uint64_t resolver_failed(resolver const *r)
{
  return r->failed;
}

unsigned int resolver_prepare(resolver *r, struct pollfd *x, int *ms)
{
  ares_socket_t fds[ARES_GETSOCK_MAXNUM];
  int bits = ares_getsock(r->channel, fds, ARES_GETSOCK_MAXNUM);
  struct timeval tv, *t = ares_timeout(r->channel, 0, &tv);
  unsigned int n = 0;

  for (unsigned int i = 0; i < RESOLVE_FDS && i < ARES_GETSOCK_MAXNUM; i++)
  {
    /* c-ares' macros for this shift a 1 into the sign. */
    short events = (short)(((unsigned int)bits & 1u << i ? POLLIN : 0) |
                           ((unsigned int)bits & 1u << (i + ARES_GETSOCK_MAXNUM) ? POLLOUT : 0));
    if (!events) continue;
    x[n].fd = fds[i];
    x[n].events = events;
    x[n++].revents = 0;
  }
  if (t)
  {
    long due = t->tv_sec * 1000 + t->tv_usec / 1000 + 1;
    if (*ms < 0 || due < *ms) *ms = (int)due;
  }
  return n;
}

void resolver_run(resolver *r, struct pollfd const *x, unsigned int n)
{
  int any = 0;

  for (unsigned int i = 0; i < n; i++)
    if (x[i].revents)
    {
      any = 1;
      ares_process_fd(r->channel, x[i].revents & (POLLIN | POLLERR | POLLHUP) ? x[i].fd : ARES_SOCKET_BAD,
                      x[i].revents & POLLOUT ? x[i].fd : ARES_SOCKET_BAD);
    }
  if (!any) ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void called_back(void *data, int status, int timeouts, unsigned char *msg, int len)
{
  asked *a = data;
  lookups *l = a->owner;

  (void)timeouts;
  a->open = 0;
  if (!l)
  {
    free(a);
    return;
  }
  if (a->answer) return; /* too late */
  switch (status)
  {
    case ARES_SUCCESS:
      a->own = answer_read(msg, (size_t)len, a->type);
      a->answer = a->own ? a->own : &failed;
      break;
    case ARES_ENODATA: a->answer = &nodata; break;
    case ARES_ENOTFOUND: a->answer = &nxdomain; break;
    default: a->answer = &failed;
  }
  if (a->answer == &failed) l->resolver->failed++;
  if (!--l->pending && !a->within && l->done) l->done(l);
}

dns_answer const *lookups_find(void *world, char const *name, dns_type type)
{
  lookups *l = world;
  size_t len = strlen(name);
  asked *a;

  for (a = l->first; a; a = a->next)
    if (a->type == type && !strcasecmp(a->name, name)) return a->answer;
  if (l->late || l->n == RESOLVE_QUESTIONS) return &failed;
  a = calloc(1, sizeof *a + len + 1);
  if (!a) return &failed;
  memcpy(a->name, name, len + 1);
  a->type = type;
  a->owner = l;
  a->next = l->first;
  l->first = a;
  l->n++;
  l->pending++;
  l->resolver->asked++;
  a->open = a->within = 1;
  ares_query(l->resolver->channel, name, 1, (int)type, &called_back, a);
  a->within = 0;
  return a->answer;
}

unsigned int lookups_wait(lookups *l, unsigned int ms)
{
  uint64_t deadline = clock_ms() + ms, now;

  while ((now = clock_ms()) < deadline && l->pending)
  {
    struct pollfd x[RESOLVE_FDS];
    int wait = (int)(deadline - now);
    unsigned int n = resolver_prepare(l->resolver, x, &wait);
    if (poll(x, n, wait) < 0 && errno != EINTR) break;
    resolver_run(l->resolver, x, n);
  }
  if (l->pending) lookups_expire(l);
  return now < deadline ? (unsigned int)(deadline - now) : 0;
}

void lookups_expire(lookups *l)
{
  for (asked *a = l->first; a; a = a->next)
    if (!a->answer)
    {
      a->answer = &failed;
      l->resolver->failed++;
    }
  l->pending = 0;
  l->late = 1;
}

void lookups_free(lookups *l)
{
  asked *next;

  for (asked *a = l->first; a; a = next)
  {
    next = a->next;
    free(a->own);
    a->own = 0;
    a->owner = 0;
    if (!a->open) free(a);
  }
  l->first = 0;
  l->n = l->pending = 0;
  l->late = 0;
}
