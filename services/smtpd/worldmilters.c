#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <skalibs/strerr.h>

#include <runlib/clock.h>
#include <runlib/overload.h>

#include "host.h"

#define SLICE 1000 /* ms after which a wait that goes on is counted */

static milter_server const *server(host const *w, unsigned int i)
{
  return w->options->config.milters + i;
}

static int open_milter(void *data, unsigned int i)
{
  host *w = data;
  return milterlink_open(&w->milters[i], server(w, i));
}

static int send_milter(void *data, unsigned int i, char const *s, size_t len)
{
  host *w = data;
  return milterlink_send(&w->milters[i], server(w, i), s, len);
}

/* What is waited for is counted while it passes. */
static int receive_milter(void *data, unsigned int i, unsigned int ms, packet *p)
{
  host *w = data;
  uint64_t last = clock_ms(), deadline = last + ms;
  int r;

  for (;;)
  {
    uint64_t slice = last + SLICE, now;
    r = milterlink_receive(&w->milters[i], p, slice < deadline ? slice : deadline);
    now = clock_ms();
    milterstats_waited(&w->stats, i, now - last);
    last = now;
    if (!r || errno != ETIMEDOUT || now >= deadline) break;
  }
  return r < 0 ? milterlink_spare(&w->milters[i]) : 0;
}

static void close_milter(void *data, unsigned int i)
{
  milterlink_close(&((host *)data)->milters[i]);
}

static int milter_idle(void *data, unsigned int i)
{
  return milterlink_idle(&((host *)data)->milters[i]);
}

static void milter_asked(void *data, unsigned int i)
{
  milterstats_asked(&((host *)data)->stats, i);
}

static void milter_over(void *data, unsigned int i, uint64_t ms, int refused, int failed)
{
  milterstats_over(&((host *)data)->stats, i, ms, refused, failed);
}

/* A flag that cannot be looked at is none. */
static unsigned int overload_level(void *data)
{
  overload o;
  int level = overload_read(&o, ((host *)data)->options->overload, (uint64_t)time(0));

  return level < 0 ? 0 : (unsigned int)level;
}

/* In a file of their own, beside the service's. */
void host_open_milters(host *w, options const *o)
{
  char const *addresses[MILTERS], *slash = o->counters ? strrchr(o->counters, '/') : 0;
  unsigned int n = o->config.milters_n;
  char file[PATH_MAX];

  w->draft.milters = n != 0;
  for (unsigned int i = 0; i < n; i++)
  {
    addresses[i] = o->config.milters[i].address;
    w->milters[i].fd = -1;
  }
  snprintf(file, sizeof file, "%.*s/milters", slash ? (int)(slash - o->counters) : 0,
           slash ? o->counters : "");
  if (milterstats_open(&w->stats, addresses, n, slash ? file : 0) < 0)
    strerr_warnwusys("use the counters in ", file);
}

void host_milters(operations *e)
{
  e->milter_open = open_milter;
  e->milter_send = send_milter;
  e->milter_receive = receive_milter;
  e->milter_close = close_milter;
  e->milter_idle = milter_idle;
  e->milter_asked = milter_asked;
  e->milter_over = milter_over;
  e->overload = overload_level;
}
