#include <errno.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <runlib/tlsclient.h>

#include "child.h"
#include "client.h"
#include "session.h"
#include "world.h"

#define INPUT        32768
#define TLS_PATIENCE 60000 /* ms for the handshake; tlsd has a shorter bound of its own */

char const *PROG = "smtpd";

typedef struct server_s server;
struct server_s
{
  options options;
  control control;
  effects effects;
  session session;
  uint64_t end; /* of the session, whatever it does */
  world world;  /* large: what is small lies together in front, on few pages */
  char input[INPUT];
};

static uint64_t deadline(server const *v)
{
  uint64_t x = child_clock() + 1000ull * v->control.timeout;
  return x < v->end ? x : v->end;
}

/* From here on the session goes through tlsd. Returns 0; or -1, the connection is of no more use. */
static int shake_hands(server *v, tls_mode mode)
{
  options const *o = &v->options;
  tls_request const rq = {.mode = mode, .peer = o->config.remoteip, .name = v->control.me.s, .ready = 0};
  tls_info info = TLS_INFO_ZERO;
  int fd;

  if (tls_start(o->tls_socket, &rq, 0, &fd, &info, TLS_PATIENCE) < 0)
  {
    int e = errno;
    if (info.reason[0])
      strerr_warnw("TLS with ", o->config.remoteip, ": ", info.reason);
    else
      strerr_warnwusys("begin TLS with ", o->config.remoteip);
    if (e == EPROTO || mode == TLS_IMPLICIT) return -1;
    session_no_tls(&v->session);
    return 0;
  }
  if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0) strerr_diefusys(111, "move a descriptor");
  fd_close(fd);
  session_tls(&v->session, info.protocol, info.cipher, info.sni);
  return 0;
}

/* Sends what waits and does what the session wants. Returns 0, or -1 when it is over. */
static int act(server *v)
{
  session *s = &v->session;

  if (s->out.len && client_flush(&s->out, deadline(v)) < 0) return -1;
  if (s->want == SESSION_TLS)
  {
    if (shake_hands(v, TLS_STARTTLS) < 0) return -1;
    return s->out.len ? client_flush(&s->out, deadline(v)) : 0;
  }
  return s->want == SESSION_CLOSE ? -1 : 0;
}

static int feed(server *v, size_t len)
{
  session *s = &v->session;
  size_t done = 0;

  do
  {
    done += session_feed(s, v->input + done, len - done);
    if (act(v) < 0) return -1;
  } while (done < len && child_clock() < v->end);
  return 0;
}

static void serve(server *v)
{
  session *s = &v->session;

  while (act(v) == 0)
  {
    size_t n;
    /* A client may keep on sending: it would never be found idle. */
    if (child_clock() >= v->end)
    {
      session_end(s, "421 4.4.2 session time is over");
      continue;
    }
    switch (client_read(v->input, sizeof v->input, &n, deadline(v), s->phase == PHASE_DATA))
    {
      case CLIENT_GONE: return;
      case CLIENT_BYTES:
        if (feed(v, n) < 0) return;
        break;
      case CLIENT_IDLE:
        if (child_clock() < v->end) session_end(s, "421 4.4.2 timeout");
        break;
      case CLIENT_STOP: session_end(s, "421 4.3.2 the service is stopping"); break;
    }
  }
}

static void setup(server *v, int argc, char const *const *argv)
{
  session_config *c = &v->options.config;
  char const *file;
  char const *x;

  options_read(&v->options, argc, argv);
  fd_ensure_open(2, 1); /* else a control file would be the log */
  (void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  if (child_init() < 0) strerr_diefusys(111, "set up signals");
  v->end = child_clock() + 1000ull * v->options.session_time;
  if (control_load(&v->control, v->options.plugins, &file) < 0)
  {
    static char const text[] = "421 4.3.0 unable to read controls\r\n";
    if (write(1, text, sizeof text - 1) < 0) _exit(1);
    strerr_diefusys(111, "read ", file);
  }
  c->control = &v->control;
  c->pid = (unsigned int)getpid();
  c->databytes = v->control.databytes;
  x = getenv("DATABYTES");
  if (x) c->databytes = strtoull(x, 0, 10);
  c->domain = v->options.domain ? v->options.domain : v->control.defaultdomain.s;
}

int main(int argc, char const *const *argv)
{
  static control const fresh = CONTROL_ZERO;
  static server v;
  int early;

  v.control = fresh;
  setup(&v, argc, argv);
  world_init(&v.world, &v.options, &v.effects);
  v.world.end = v.end;
  session_init(&v.session, &v.options.config, &v.effects);
  if (v.options.implicit_tls && shake_hands(&v, TLS_IMPLICIT) < 0) return 1;
  early = v.options.greet_delay && client_talks(v.options.greet_delay);
  client_greet(&v.session, early);
  serve(&v);
  session_over(&v.session);
  if (v.session.want == SESSION_CLOSE)
    client_linger();
  else
    session_free(&v.session);
  return 0;
}
