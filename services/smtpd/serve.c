#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <runlib/clock.h>
#include <runlib/tlsclient.h>

#include "child.h"
#include "client.h"
#include "health.h"
#include "serve.h"
#include "session-internal.h"

#define INPUT        32768
#define TLS_PATIENCE 60000 /* ms for the handshake; tlsd has a shorter bound of its own */

/*
 * Who has neither logged in nor sent a recipient: how long he may be silent, and stay in all; and when places are
 * short. RFC 5321, 4.5.3.2, asks for five minutes; that is kept for those who do send mail (control/timeoutsmtpd).
 */
#define EARLY_SILENCE 60000 /* ms */
#define EARLY_ALL     300000
#define SHORT_SILENCE 10000
#define SHORT_ALL     30000

typedef struct served_s served;
struct served_s
{
  options *options;
  control const *control;
  operations operations;
  session session;
  uint64_t begin;
  uint64_t end; /* of the session, whatever it does */
  place_mark *mark;
  int hurried;
  char input[INPUT];
};

static uint64_t earlier(uint64_t x, uint64_t y)
{
  return x < y ? x : y;
}

static int is_short(served const *v)
{
  return v->hurried || child_hurried();
}

/* When it is over for him, even if he talks. */
static uint64_t end_of(served const *v)
{
  return *v->mark ? v->end : earlier(v->end, v->begin + (is_short(v) ? SHORT_ALL : EARLY_ALL));
}

static uint64_t deadline(served const *v)
{
  uint64_t silence = 1000ull * v->control->timeout;

  if (!*v->mark) silence = earlier(silence, is_short(v) ? SHORT_SILENCE : EARLY_SILENCE);
  return earlier(clock_ms() + silence, end_of(v));
}

/* From here on the session goes through tlsd. Returns 0; or -1, the connection is of no more use. */
static int shake_hands(served *v, tls_mode mode)
{
  options const *o = v->options;
  tls_request const rq = {.mode = mode, .peer = o->config.remoteip, .name = v->control->me.s, .ready = 0};
  tls_info info = TLS_INFO_ZERO;
  int fd;

  if (tls_start(o->tls_socket, &rq, 0, &fd, &info, TLS_PATIENCE) < 0)
  {
    int e = errno;
    if (info.reason[0]) /* tlsd's: the client's doing, and no warning to whoever keeps this machine */
      (void)log_event(&v->session, "tls-failed:", "reason", info.reason);
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
static int act(served *v)
{
  session *s = &v->session;

  if (s->user.len || s->recipients || s->messages) *v->mark = 1;
  if (s->out.len && client_flush(&s->out, deadline(v)) < 0) return -1;
  if (s->want == SESSION_TLS)
  {
    if (shake_hands(v, TLS_STARTTLS) < 0) return -1;
    return s->out.len ? client_flush(&s->out, deadline(v)) : 0;
  }
  return s->want == SESSION_CLOSE ? -1 : 0;
}

static int feed(served *v, size_t len)
{
  session *s = &v->session;
  size_t done = 0;

  do
  {
    done += session_feed(s, v->input + done, len - done);
    if (act(v) < 0) return -1;
  } while (done < len && clock_ms() < end_of(v));
  return 0;
}

static void stop(served *v)
{
  session_end(&v->session,
              child_terminated() == PLACES_EVICT
                  ? "421 4.7.0 others wait for this place, come again when you have something to say"
                  : "421 4.3.2 the service is stopping");
}

static void converse(served *v)
{
  session *s = &v->session;

  while (act(v) == 0)
  {
    size_t n;
    /* A client may keep on sending: it would never be found idle. */
    if (clock_ms() >= end_of(v))
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
        if (clock_ms() < end_of(v)) session_end(s, "421 4.4.2 timeout");
        break;
      case CLIENT_HURRY: break;
      case CLIENT_STOP: stop(v); break;
    }
  }
}

static void configure(options *o, control const *c)
{
  char const *x = getenv("DATABYTES");

  o->config.control = c;
  o->config.pid = (unsigned int)getpid();
  o->config.databytes = x ? strtoull(x, 0, 10) : c->databytes;
  x = getenv("QMAILQUEUE");
  o->config.holds = !strcmp(x && *x ? x : o->queue, "builtin:spool");
  o->config.domain = o->domain ? o->domain : c->defaultdomain.s;
}

int serve(options *o, control const *c, char const *file, host *w, place_mark *mark, int hurried)
{
  static char const text[] = "421 4.3.0 unable to read controls\r\n";
  static served v;
  int early;

  if (file)
  {
    if (write(1, text, sizeof text - 1) < 0) return 1;
    strerr_diefusys(111, "read ", file);
  }
  if (o->health) return health_serve(o, c->me.s);
  v.options = o;
  v.control = c;
  v.mark = mark;
  v.hurried = hurried;
  v.begin = clock_ms();
  v.end = v.begin + 1000ull * o->session_time;
  w->end = v.end;
  configure(o, c);
  host_effects(w, &v.operations);
  session_init(&v.session, &o->config, &v.operations);
  if (o->implicit_tls && shake_hands(&v, TLS_IMPLICIT) < 0) return 1;
  early = o->greet_delay && client_talks(o->greet_delay);
  v.begin = clock_ms(); /* the wait was ours */
  client_greet(&v.session, early);
  converse(&v);
  session_over(&v.session);
  if (!v.session.user.len)
    host_report(w, o->config.errors_max && v.session.errors >= o->config.errors_max,
                v.session.policy_refusals);
  if (v.session.want == SESSION_CLOSE)
    client_linger();
  else
    session_free(&v.session);
  return 0;
}
