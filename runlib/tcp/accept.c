#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include <skalibs/djbunix.h>
#include <skalibs/error.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <runlib/clock.h>
#include <runlib/fdpass.h>
#include <runlib/tcp/server.h>

#define BATCH 32 /* connections taken from one listener before signals and the others get their turn */

/* --- the log ------------------------------------------------------------------------------------- */

/* Whether the line may be said now; missed then tells how many went unsaid ("" or " (N more)"). */
static int may_say(hush *h, char *missed)
{
  size_t n = 0;

  missed[0] = 0;
  if (tain_less(&STAMP, &h->next))
  {
    h->missed++;
    return 0;
  }
  if (h->missed)
  {
    memcpy(missed, " (", 2);
    n = 2 + uint_fmt(missed + 2, h->missed);
    memcpy(missed + n, " more)", 7);
  }
  h->missed = 0;
  tain_addsec_g(&h->next, 1);
  return 1;
}

static void log_start(pid_t pid, connection const *c)
{
  char number[PID_FMT];
  char here[ENDPOINT_FMT], there[ENDPOINT_FMT];

  number[pid_fmt(number, pid)] = 0;
  endpoint_fmt(here, &c->local);
  endpoint_fmt(there, &c->remote);
  strerr_warni("pid ", number, " serves ", there, " at ", here, c->label[0] ? "/" : "", c->label);
}

static void log_signal(pid_t pid, endpoint const *peer, int signal)
{
  char number[PID_FMT];
  char with[UINT_FMT];
  char there[ENDPOINT_FMT];

  number[pid_fmt(number, pid)] = 0;
  with[uint_fmt(with, (unsigned int)signal)] = 0;
  endpoint_fmt(there, peer);
  strerr_warnw("pid ", number, ", which served ", there, ", was killed by signal ", with);
}

/* --- places -------------------------------------------------------------------------------------- */

/* Short from four fifths on, until two fifths are free again. */
static void weigh(server *s)
{
  unsigned int const fifth = s->o->total;
  int scarce = s->places.n * 5 >= (s->scarce ? 3 : 4) * fifth;

  if (scarce && !s->scarce && s->program.marks)
  {
    places_signal(&s->places, PLACES_HURRY);
    strerr_warnw("places run short: who is silent must go sooner");
  }
  s->scarce = scarce;
}

void server_count(server *s)
{
  uint32_t generation;

  weigh(s);
  counter_set(s->counters[NOW], s->places.n);
  counter_set(s->counters[DRAINING], places_draining(&s->places, &generation));
  counter_set(s->counters[DRAINING_OF], generation);
  counter_set(s->counters[SHORT], (unsigned int)s->scarce);
}

void server_reap(server *s)
{
  endpoint peer;
  int status;
  pid_t pid;

  while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
    if (places_leave(&s->places, pid, &peer) && WIFSIGNALED(status) && !s->draining)
      log_signal(pid, &peer, WTERMSIG(status));
  places_reap(&s->places);
  server_count(s);
}

static int is_full(server const *s)
{
  return s->places.n >= s->o->total;
}

/* One silent session more than there are places for may be under way out. */
static int make_room(server *s, endpoint const *remote)
{
  uint64_t now = clock_boot_ms();
  unsigned int i;

  if (!s->program.marks || s->places.n > s->o->total + s->o->total / 5) return 0;
  i = places_yield(&s->places, remote, now);
  if (i == PLACES_MAX) return 0;
  places_evict(&s->places, i, now);
  counter_add(s->counters[YIELDED], 1);
  s->tell = 0;
  return 1;
}

static char const *over_limit(server *s, endpoint const *remote)
{
  client c;

  endpoint_client(&c, remote);
  if (s->o->per_client && places_count(&s->places, &c) >= s->o->per_client)
    return "the limit of one client's connections (-C)";
  return is_full(s) && !make_room(s, remote) ? "the limit of all connections (-c)" : 0;
}

/* --- connections --------------------------------------------------------------------------------- */

/* Tells the client in one write that does not wait: a socket so new takes it, or the client goes without. */
void server_refuse(server *s, connection const *c, char const *text, char const *why)
{
  char there[ENDPOINT_FMT];
  char missed[UINT_FMT + 16];
  char line[512];
  size_t n;

  if (text && strcmp(c->label, "tls")) /* no plain text where TLS begins at once */
  {
    n = strlen(text);
    memcpy(line, text, n);
    memcpy(line + n, "\r\n", 2);
    (void)send(c->fd, line, n + 2, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  endpoint_fmt(there, &c->remote);
  if (may_say(&s->refusals, missed)) strerr_warni("refused ", there, ": ", why, missed);
}

/* A machine out of something, now: says so when that begins, and lets it recover for a second. */
static void falter(server *s, char const *what)
{
  int e = errno;
  char missed[UINT_FMT + 16];

  tain_addsec_g(&s->pause, 1);
  if (s->failing == e || !may_say(&s->failures, missed)) return;
  s->failing = errno = e;
  strerr_warnwusys(what, missed);
}

static void recover(server *s)
{
  if (s->failing) strerr_warni("connections are served again");
  s->failing = 0;
}

static void serve_it(server *s, connection *c)
{
  char const *why;
  unsigned int i;
  pid_t pid;

  if (blocks_have(&s->blocks, &c->remote, (uint64_t)time(0)))
  {
    counter_add(s->counters[BLOCKED], 1);
    server_refuse(s, c, s->o->blocked, "the address is blocked");
    return;
  }
  why = over_limit(s, &c->remote);
  /* A session may just have ended. */
  if (why)
  {
    server_reap(s);
    why = over_limit(s, &c->remote);
  }
  if (why)
  {
    counter_add(s->counters[REFUSED], 1);
    server_refuse(s, c, s->o->refusal, why);
    return;
  }
  i = places_free(&s->places);
  c->mark = s->places.marks + i;
  c->hurried = s->scarce;
  *c->mark = 0;
  pid = s->program.start(s->program.data, c, &s->mask);
  if (!pid)
  {
    falter(s, "run the program");
    counter_add(s->counters[REFUSED], 1);
    server_refuse(s, c, s->o->refusal, "the program does not run");
    return;
  }
  recover(s);
  places_take(&s->places, i, pid, &c->remote, s->generation);
  counter_add(s->counters[TOTAL], 1);
  server_count(s);
  if (s->o->verbose) log_start(pid, c);
}

/*
 * While a connection has no process, kill -9 of this one would end it: meanwhile a copy lies in a socketpair that the
 * standby has, too. It costs some 5 us.
 */
void server_serve(server *s, connection *c)
{
  char what = 0;
  int copy;
  int safe = s->begun[0] >= 0 && fdpass_send(s->begun[0], &what, 1, &c->fd, 1) == 0;

  serve_it(s, c);
  if (safe && fdpass_receive(s->begun[1], &what, 1, &copy, 1, MSG_DONTWAIT) > 0) fd_close(copy);
}

static char const *label_of(server const *s, endpoint const *local)
{
  for (unsigned int i = 0; i < s->nlisteners; i++)
  {
    listener const *l = s->listeners + i;
    if (l->local.family == local->family && l->local.port == local->port &&
        (l->any || !memcmp(l->local.ip, local->ip, sizeof local->ip)))
      return l->label;
  }
  return "";
}

void server_resume(server *s)
{
  connection c = {.fd = -1};
  char what;

  while (s->begun[1] >= 0 && fdpass_receive(s->begun[1], &what, 1, &c.fd, 1, MSG_DONTWAIT) > 0)
  {
    struct sockaddr_storage here, there;
    socklen_t n = sizeof here, m = sizeof there;
    if (getsockname(c.fd, (struct sockaddr *)&here, &n) == 0 && endpoint_from(&c.local, &here) == 0 &&
        getpeername(c.fd, (struct sockaddr *)&there, &m) == 0 && endpoint_from(&c.remote, &there) == 0)
    {
      if (places_serves(&s->places, &c.remote)) /* it was killed after its process began */
      {
        fd_close(c.fd);
        continue;
      }
      c.label = label_of(s, &c.local);
      if (parked_comes(s, &c.remote))
      {
        parked_take(s, &c);
        continue;
      }
      server_serve(s, &c);
    }
    fd_close(c.fd);
  }
}

int server_accepts(server const *s)
{
  return !s->draining && !tain_future(&s->pause) && (!is_full(s) || s->o->refusal || s->program.marks);
}

/* Errors that belong to one connection, by accept(2): the next one may be fine. */
static int is_clients_error(void)
{
  switch (errno)
  {
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET: return 1;
    default: return 0;
  }
}

void server_accept(server *s, listener const *l)
{
  connection c = {.label = l->label};

  for (unsigned int i = 0; i < BATCH && server_accepts(s); i++)
  {
    c.fd = listener_accept(l, &c.local, &c.remote);
    if (c.fd >= 0 && parked_comes(s, &c.remote))
      parked_take(s, &c);
    else if (c.fd >= 0)
    {
      server_serve(s, &c);
      fd_close(c.fd);
    }
    else if (error_isagain(errno))
      return;
    else if (!is_clients_error())
    {
      falter(s, "accept a connection");
      return;
    }
  }
}
