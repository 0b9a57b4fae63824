#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <skalibs/types.h>

#include "pluginrun.h"
#include "world.h"

#define QUEUE_PATIENCE 300000 /* ms */

static plugin_end run_plugin(void *data, char const *command, stralloc const *vars, stralloc *output)
{
  world *w = data;
  return plugin_run(command, vars, output, w->options->plugin_timeout);
}

/* $QMAILQUEUE is the family's composition point: from the environment, or set by a plugin. */
static char const *queue_program(world const *w, stralloc const *vars)
{
  static char const name[] = "QMAILQUEUE=";
  char const *x = 0;

  for (size_t i = 0; i < vars->len; i += strlen(vars->s + i) + 1)
    if (!strncmp(vars->s + i, name, sizeof name - 1)) x = vars->s + i + sizeof name - 1;
  if (!x) x = getenv("QMAILQUEUE");
  return x && *x ? x : w->options->queue;
}

static int open_queue(void *data, stralloc const *vars)
{
  world *w = data;
  return queue_open(&w->queue, queue_program(w, vars), vars);
}

static void put(void *data, char const *bytes, size_t len)
{
  queue_put(&((world *)data)->queue, bytes, len);
}

static int close_queue(void *data, char const *envelope, size_t len, unsigned long *id)
{
  world *w = data;
  *id = (unsigned long)w->queue.pid;
  return queue_close(&w->queue, envelope, len);
}

static void abandon(void *data)
{
  queue_abandon(&((world *)data)->queue);
}

static login check(void *data, char const *user, char const *password)
{
  (void)data;
  (void)user;
  (void)password;
  return LOGIN_UNKNOWN;
}

static int throttled(void *data, int failed)
{
  (void)data;
  (void)failed;
  return 0;
}

/* One write a line: lines of several sessions share the log's pipe. */
static void put_log(void *data, char const *line, size_t len)
{
  char head[UINT64_FMT + 16] = "smtpd: pid ";
  size_t n = strlen(head);
  struct iovec v[3];
  ssize_t r;

  (void)data;
  n += pid_fmt(head + n, getpid());
  head[n++] = ' ';
  v[0].iov_base = head;
  v[0].iov_len = n;
  v[1].iov_base = (char *)line;
  v[1].iov_len = len;
  v[2].iov_base = (char *)"\n";
  v[2].iov_len = 1;
  r = writev(2, v, 3);
  (void)r;
}

static void count(void *data, tally t)
{
  (void)data;
  (void)t;
}

static uint64_t now(void *data)
{
  struct timeval t;

  (void)data;
  gettimeofday(&t, 0);
  return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

void world_init(world *w, options const *o, effects *e)
{
  static effects const real = {.plugin = run_plugin,
                               .queue_open = open_queue,
                               .queue_put = put,
                               .queue_close = close_queue,
                               .queue_abandon = abandon,
                               .auth = check,
                               .throttled = throttled,
                               .log = put_log,
                               .count = count,
                               .now = now};

  w->options = o;
  w->queue.pid = 0;
  w->queue.timeout = QUEUE_PATIENCE;
  *e = real;
  e->world = w;
}
