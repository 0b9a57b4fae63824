#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/iopause.h>
#include <skalibs/selfpipe.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <runlib/clock.h>
#include <runlib/tcp/server.h>

/* --- beginning ----------------------------------------------------------------------------------- */

void server_keep_descriptors(void)
{
  for (int fd = 0; fd < 3; fd++)
    if (fd_ensure_open(fd, fd > 0) < 0) strerr_diefusys(111, "open /dev/null");
  (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
}

static void trap_signals(server *s)
{
  static int const signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP};

  s->signals = selfpipe_init();
  if (s->signals < 0) strerr_diefusys(111, "make the selfpipe");
  sig_restore(SIGCHLD);
  sig_ignore(SIGPIPE);
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
    if (selfpipe_trap(signals[i]) < 0) strerr_diefusys(111, "trap signals");
  /* A new process has them blocked until it knows them. */
  sig_block(PLACES_EVICT);
  sig_block(PLACES_HURRY);
}

static void listen_on_all(server *s, held *h)
{
  tcp_options const *o = s->o;
  char name[ENDPOINT_FMT];
  char const *why;

  for (unsigned int i = 0; i < o->count; i++)
  {
    unsigned int n = listener_open(s->listeners + s->nlisteners, o->addresses[i], o->backlog, h, &why);
    if (!n && why) strerr_diefu(111, "listen on ", o->addresses[i], ": ", why);
    if (!n) strerr_diefusys(111, "listen on ", o->addresses[i]);
    if (n == 1 && o->addresses[i][0] == '*')
      strerr_warnw("this machine has one family of addresses: ", o->addresses[i], " is that one alone");
    s->nlisteners += n;
  }
  for (unsigned int i = 0; i < s->nlisteners; i++)
  {
    listener const *l = s->listeners + i;
    endpoint_fmt(name, &l->local);
    strerr_warni("listening on ", name, l->label[0] ? "/" : "", l->label);
  }
}

/* The number at the end of what the link says: generations/0012. */
static uint32_t generation_of(char const *link)
{
  char target[256];
  ssize_t n = link ? readlink(link, target, sizeof target - 1) : 0;
  uint32_t number = 0;
  ssize_t i = n;

  if (n <= 0) return 0;
  target[n] = 0;
  while (i && target[i - 1] >= '0' && target[i - 1] <= '9') i--;
  uint32_scan(target + i, &number);
  return number;
}

static void open_counters(server *s)
{
  static char const *const names[COUNTERS] = {"now",         "limit", "total",   "refused", "draining",
                                              "draining-of", "short", "yielded", "blocked"};
  static counter unseen;

  for (unsigned int i = 0; i < COUNTERS; i++) s->counters[i] = &unseen;
  if (!s->o->counters) return;
  if (counters_open(s->o->counters, 0644, names, COUNTERS, s->counters) < 0)
    strerr_warnwusys("count in ", s->o->counters);
  counter_set(s->counters[LIMIT], s->o->total);
}

static uint64_t drained_at(server const *s)
{
  return clock_boot_ms() + 1000ull * s->o->drain;
}

/* Those of a predecessor, with fd, whose sessions drain. Of another version's makes a new one: its sessions just go on. */
static void open_places(server *s, int fd)
{
  if (places_open(&s->places, fd, drained_at(s)) == 0) return;
  if (fd < 0 || errno != EPROTO || places_open(&s->places, -1, 0) < 0)
    strerr_diefusys(111, "make the places");
  strerr_warnw("the sessions of another version go on uncounted");
}

void server_open(server *s)
{
  static standby const nobody = STANDBY_NONE;
  int fds[STANDBY_MAX];
  held h = {.fds = fds, .n = 0};
  int n = 0;

  s->standby = nobody;
  s->blocks = s->o->blocks;
  s->predecessor = -1;
  s->begun[0] = s->begun[1] = -1;
  if (s->o->door) n = standby_take(&s->standby, s->o->door, fds, &s->predecessor);
  if (n < 0) strerr_diefusys(111, "take over at ", s->o->door);
  if (n) h.n = (unsigned int)n - 1; /* the places come last */
  sigprocmask(SIG_SETMASK, 0, &s->mask);
  trap_signals(s);
  listen_on_all(s, &h);
  for (unsigned int i = 0; i < h.n; i++)
    if (fds[i] >= 0) fd_close(fds[i]);
  s->generation = generation_of(s->o->generation);
  open_places(s, n ? fds[n - 1] : -1);
  places_hasten(&s->places, s->o->total / 2, clock_boot_ms());
}

/* --- ending -------------------------------------------------------------------------------------- */

static void drain(server *s, unsigned int seconds)
{
  char number[UINT_FMT], left[UINT_FMT];

  for (unsigned int i = 0; i < s->nlisteners; i++) fd_close(s->listeners[i].fd);
  s->nlisteners = 0;
  parked_forget(s);
  s->draining = 1;
  s->tell = 0;
  places_end(&s->places, clock_boot_ms() + 1000ull * seconds);
  if (!s->places.n || !seconds) return;
  number[uint_fmt(number, s->places.n)] = 0;
  left[uint_fmt(left, seconds)] = 0;
  strerr_warni("stopping: ", number, s->places.n == 1 ? " session has " : " sessions have ", left,
               " s to end");
}

/* With a door all goes on at the standby's. */
static void leave(server *s)
{
  if (s->standby.door >= 0 && !s->draining) _exit(0);
}

static void take_signals(server *s)
{
  for (;;) switch (selfpipe_read())
    {
      case -1: strerr_warnwusys("read signals"); return;
      case 0: return;
      case SIGCHLD: server_reap(s); break;
      case SIGTERM:
      case SIGINT:
        leave(s);
        drain(s, s->draining ? 0 : s->o->drain); /* asked twice: at once */
        break;
      case SIGQUIT:
        leave(s);
        drain(s, 0);
        break;
      default: break;
    }
}

/* --- standing by --------------------------------------------------------------------------------- */

/* As if this process were new: what the other had but the sockets is its own. */
static void succeed(server *s)
{
  places_close(&s->places);
  sigprocmask(SIG_SETMASK, &s->mask, 0);
  trap_signals(s);
  if (places_open(&s->places, s->places.fd, 0) < 0) strerr_diefusys(111, "use the places of the other");
}

static void stand(server *s)
{
  int fds[STANDBY_MAX];
  unsigned int n = 0;

  for (; n < s->nlisteners; n++) fds[n] = s->listeners[n].fd;
  fds[n++] = s->places.fd;
  s->standby.forked = &parked_forget;
  s->standby.data = s;
  switch (standby_begin(&s->standby, fds, n))
  {
    case STANDBY_FIRST: break;
    case STANDBY_FAILED:
      strerr_warnwusys("have a standby: if this process is killed, its sockets are closed");
      break;
    case STANDBY_SECOND:
      succeed(s);
      strerr_warni("in the place of a process that has ended");
      stand(s);
      server_resume(s);
      break;
    case STANDBY_DRAIN:
      succeed(s);
      drain(s, s->o->drain);
      break;
  }
}

static void hear_standby(server *s)
{
  if (standby_dismissed(&s->standby)) _exit(0);
  stand(s);
}

static void answer(server *s)
{
  if (standby_answer(&s->standby, &s->places.fd, 1)) _exit(0);
}

/* --- the loop ------------------------------------------------------------------------------------ */

static void no_later(tain *deadline, uint64_t when, uint64_t now)
{
  uint64_t ms = when > now ? when - now : 0;
  tain at;

  if (when == UINT64_MAX) return;
  tain_from_millisecs(&at, (int)(ms < 3600000 ? ms : 3600000));
  tain_add_g(&at, &at);
  if (tain_less(&at, deadline)) *deadline = at;
}

static void tell(server *s, tain *deadline)
{
  uint64_t now = clock_boot_ms();

  if (s->tell <= now) s->tell = places_tell(&s->places, now);
  no_later(deadline, s->tell, now);
  no_later(deadline, parked_expire(s), now);
}

enum
{
  X_SIGNALS,
  X_PLACES,
  X_STANDBY,
  X_LISTENERS
};

static void wait_and_act(server *s)
{
  iopause_fd x[X_LISTENERS + LISTENERS_MAX + PARKED_MAX] = {{.events = IOPAUSE_READ},
                                                            {.events = IOPAUSE_READ}};
  unsigned int n = server_accepts(s) ? s->nlisteners : 0, m;
  tain deadline;

  tain_add_g(&deadline, &tain_infinite_relative);
  if (!s->draining && tain_future(&s->pause)) deadline = s->pause;
  if (s->standby.door >= 0 && s->standby.pair < 0 && !s->draining) stand(s);
  tell(s, &deadline);
  x[X_SIGNALS].fd = s->signals;
  x[X_PLACES].fd = s->places.watch;
  x[X_STANDBY].fd = s->draining ? s->standby.door : s->standby.pair;
  x[X_STANDBY].events = x[X_STANDBY].fd >= 0 ? IOPAUSE_READ : 0;
  for (unsigned int i = 0; i < n; i++)
  {
    x[X_LISTENERS + i].fd = s->listeners[i].fd;
    x[X_LISTENERS + i].events = IOPAUSE_READ;
  }
  m = n ? s->nparked : 0;
  for (unsigned int i = 0; i < m; i++)
  {
    x[X_LISTENERS + n + i].fd = s->parked[i].connection.fd;
    x[X_LISTENERS + n + i].events = IOPAUSE_READ;
  }
  if (iopause_g(x, X_LISTENERS + n + m, &deadline) < 0) strerr_diefusys(111, "wait for connections");
  if (x[X_SIGNALS].revents) take_signals(s);
  if (x[X_PLACES].revents) server_reap(s);
  if (x[X_STANDBY].revents) s->draining ? answer(s) : hear_standby(s);
  while (m-- && !s->draining) /* backwards: one that leaves is replaced by the last */
    if (x[X_LISTENERS + n + m].revents) parked_look(s, m);
  for (unsigned int i = 0; i < n && !s->draining; i++)
    if (x[X_LISTENERS + i].revents) server_accept(s, s->listeners + i);
}

/* The counters' file is made by whoever this process is by now. */
void server_run(server *s)
{
  open_counters(s);
  if (s->standby.door >= 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->begun) < 0)
    s->begun[0] = s->begun[1] = -1;
  if (s->standby.door >= 0) stand(s);
  standby_settled(s->predecessor);
  s->predecessor = -1;
  server_count(s);
  while (!s->draining || s->places.n) wait_and_act(s);
}
