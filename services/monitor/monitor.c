#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/iopause.h>
#include <skalibs/selfpipe.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>
#include <skalibs/tai.h>

#include <runlib/clock.h>
#include <runlib/overload-flag.h>
#include <runlib/overload-history.h>
#include <runlib/overload-place.h>
#include <runlib/ready.h>

#include "act.h"
#include "monitor.h"
#include "options.h"
#include "probe.h"
#include "wake.h"

#define RESUME 60   /* a state that is older, in seconds, says nothing about the present */
#define DRAIN  3000 /* ms that a command may still take after TERM */
#define FIRST  5000 /* ms that readiness waits for the first look at the queues */

/* What was said in the log, so that it is said once. */
#define SAID_FLAG    1u
#define SAID_STATE   2u
#define SAID_HISTORY 4u
#define SAID_HOLD    8u
#define SAID_LINK    16u

typedef struct monitor_s monitor;
struct monitor_s
{
  options o;
  machine m;
  monitor_state s;
  history_point slot;
  int history; /* descriptor; -1 */
  unsigned int said;
  unsigned int unknown; /* bits (1 << gauge) that the log knows to be unknown */
  probes p;
  wake w;
  uint64_t asked; /* ms: when the queues were */
  int wrong[QUEUES_MAX];
  int raised;       /* 1: the last look left our flag raised */
  int looking;      /* 1: the queues were asked, and what they answered was not judged yet */
  uint64_t next;    /* ms: the next poll */
  uint64_t stop_at; /* ms: the end of the drain; 0: not stopping */
};

/* Logs a failure (errno) when it begins, and nothing while it lasts. */
static void tell(monitor *t, unsigned int what, int failed, char const *verb, char const *object)
{
  if (failed && !(t->said & what)) strerr_warnwusys(verb, " ", t->o.directory, "/", object);
  t->said = failed ? t->said | what : t->said & ~what;
}

static void tell_queues(monitor *t)
{
  for (size_t i = 0; i < t->o.m.n; i++)
  {
    char const *queue = t->o.m.queues[i];
    int wrong = t->p.looks[i].wrong;
    if (wrong == t->wrong[i]) continue;
    t->wrong[i] = wrong;
    if (wrong)
      strerr_warnwu("read ", queue, ": ", wrong == ETIMEDOUT ? "it takes too long" : strerror(wrong),
                    ": the backlog is unknown");
    else
      strerr_warn(PROG, ": ", queue, " can be read again");
  }
}

static void tell_gauges(monitor *t)
{
  for (gauge_number g = GAUGE_FREE_BYTES; g < GAUGES; g++)
  {
    unsigned int bit = 1u << g;
    int unknown = t->s.x.of[g].state == READING_UNKNOWN;

    if (unknown && !(t->unknown & bit)) strerr_warnwu("measure ", gauges[g].name);
    t->unknown = unknown ? t->unknown | bit : t->unknown & ~bit;
  }
}

static void tell_link(monitor const *t, int link)
{
  if (link < 0 && errno != ENOENT)
    strerr_warnwusys("read ", t->o.link);
  else
    strerr_warnw(t->o.link, " is no link to our flag: nobody heeds it until `mailctl up` mends that");
}

/* The flag as clients meet it. A file in the link's place is a flag that somebody made. */
static void look(monitor *t, overload *flag, uint64_t now)
{
  int link = t->o.link ? overload_leads(t->o.link, t->o.directory) : 1;
  char path[PLACE_PATH];
  int r = -1;

  if (!link && overload_read(flag, t->o.link, now) > 0 && flag->maker == OVERLOAD_HAND) return;
  if (link <= 0 && !(t->said & SAID_LINK)) tell_link(t, link);
  t->said = link <= 0 ? t->said | SAID_LINK : t->said & ~SAID_LINK;
  if (!place_path(path, t->o.directory, "flag")) r = overload_read(flag, path, now);
  tell(t, SAID_FLAG, r < 0, "read", "flag");
}

static hold take_hold(monitor *t, uint64_t now)
{
  hold const none = HOLD_ZERO;
  hold h;

  tell(t, SAID_HOLD, hold_read(&h, t->o.directory) < 0, "read", "hold");
  if (!hold_expired(&h, now)) return h;
  strerr_warn(PROG, ": the hold by ", h.by[0] ? h.by : "hand", " has ended");
  tell(t, SAID_HOLD, hold_remove(&h, t->o.directory) < 0, "remove", "hold");
  return none;
}

static void set_flag(monitor *t, overload const *flag)
{
  flag_fields const f = {.level = t->s.level,
                         .held = t->s.mode == MODE_ON,
                         .lifetime = t->s.lifetime,
                         .since = t->s.since,
                         .until = t->s.until,
                         .reason = t->s.reason,
                         .x = &t->s.x,
                         .asked = t->o.m.asked};

  if (t->s.mode == MODE_HAND && flag->maker == OVERLOAD_HAND) return;
  if (t->raised && t->s.level && t->s.mode == MODE_AUTO && flag->maker == OVERLOAD_NOBODY)
    strerr_warn(PROG, ": somebody removed the flag: it is raised again");
  t->raised = t->s.level && t->s.mode == MODE_AUTO;
  if (t->s.level)
    tell(t, SAID_FLAG, flag_raise(t->o.directory, &f) < 0, "raise", "flag");
  else if (flag->maker != OVERLOAD_NOBODY)
    tell(t, SAID_FLAG, flag_drop(t->o.directory) < 0, "remove", "flag");
}

static void publish(monitor *t)
{
  history_point p = history_of(&t->s.x, t->s.level, t->s.mode != MODE_AUTO, t->s.time);
  int bad = t->history < 0 && (t->history = history_open(t->o.directory)) < 0;

  t->s.hooked = t->o.h.at;
  tell(t, SAID_STATE, state_write(&t->s, t->o.directory) < 0, "write", "state");
  tell(t, SAID_HISTORY, bad || history_add(t->history, &t->slot, &p) < 0, "write", "history");
}

/* The flag before the hold: mailctl overload writes them the other way round, so that a flag of its own is known as one. */
static hold decide_once(monitor *t)
{
  unsigned int before = t->s.level;
  char text[ACT_TEXT];
  overload flag = OVERLOAD_ZERO;
  hold h;

  look(t, &flag, t->s.time);
  h = take_hold(t, t->s.time);
  if (act_decide(&t->s, &t->m, &h, &flag, t->s.time))
  {
    act_text(text, before, &t->s, t->o.m.asked);
    strerr_warn(PROG, ": ", text);
  }
  set_flag(t, &flag);
  return h;
}

/* Whether somebody held the level, or ended that, after h was read: the flag that was set since then may not be theirs. */
static int is_late(monitor const *t, hold const *h)
{
  hold now;

  return hold_read(&now, t->o.directory) >= 0 && !hold_expired(&now, t->s.time) && !hold_equal(&now, h);
}

static void decide(monitor *t)
{
  hold h;

  do h = decide_once(t);
  while (is_late(t, &h));
}

static void measure_now(monitor *t)
{
  t->s.time = (uint64_t)time(0);
  measure_take(&t->o.m, t->p.looks, &t->s.x, t->s.time);
  tell_queues(t);
  tell_gauges(t);
}

static void judge(monitor *t, uint64_t now)
{
  t->looking = 0;
  wake_looked(&t->w, now, now - t->asked);
  measure_now(t);
  machine_step(&t->m, &t->o.r, &t->s.x, now);
  decide(t);
  hook_run(&t->o.h, t->s.level, t->s.reason, now);
  publish(t);
}

/* A queue that has not answered the last question keeps its old look, and the flag its heartbeat. */
static void poll_once(monitor *t, uint64_t now)
{
  if (t->looking) judge(t, now);
  probes_ask(&t->p, &t->o.m, now);
  t->asked = now;
  t->looking = 1;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

/* Waits for a signal, for an answer, for events in the queues, or for the stopwatch to reach until. Returns whether a signal came. */
static int wait_until(monitor const *t, int fd, uint64_t now, uint64_t until)
{
  iopause_fd x[2 + QUEUES_MAX] = {{.fd = fd, .events = IOPAUSE_READ}};
  unsigned int n = 1;
  uint64_t ms = until > now ? until - now : 0;
  tain deadline;

  for (size_t i = 0; i < t->o.m.n; i++)
    if (t->p.of[i].asked) x[n++] = (iopause_fd){.fd = t->p.of[i].fd, .events = IOPAUSE_READ};
  if (!t->looking && wake_fd(&t->w) >= 0) x[n++] = (iopause_fd){.fd = t->w.fd, .events = IOPAUSE_READ};
  tain_now_g();
  tain_from_millisecs(&deadline, ms > 3600000 ? 3600000 : (int)ms);
  tain_add_g(&deadline, &deadline);
  if (iopause_g(x, n, &deadline) < 0) strerr_diefusys(111, "poll");
  return x[0].revents != 0;
}

/* A queue that is slow is unknown at first. Signals wait for no queue. */
static void look_first(monitor *t, int fd)
{
  uint64_t now = clock_ms();
  uint64_t until = now + FIRST;

  probes_ask(&t->p, &t->o.m, now);
  while (now < until && !probes_take(&t->p, &t->o.m, now))
  {
    if (wait_until(t, fd, now, until)) return;
    now = clock_ms();
  }
}

/*
 * The first look. What the last monitor knew goes on if it was alive a minute ago: a backlog between
 * leave and enter is then judged as if nothing had happened.
 */
static void begin(monitor *t, int fd)
{
  unsigned int const nothing[LEVELS] = {0, 0};
  monitor_state old;
  overload flag = OVERLOAD_ZERO;
  int goes_on;

  if (state_read(&old, t->o.directory) < 0) memset(&old, 0, sizeof old);
  look_first(t, fd);
  measure_now(t);
  look(t, &flag, t->s.time);
  goes_on = old.time <= t->s.time && t->s.time - old.time <= RESUME;
  machine_start(&t->m, &t->o.r, &t->s.x, goes_on ? old.raised : nothing);
  t->o.h.at = old.hooked;
  if (goes_on && flag.maker != OVERLOAD_NOBODY)
  {
    t->s.level = old.level;
    t->s.mode = old.mode;
    t->s.since = old.since;
    memcpy(t->s.reason, old.reason, sizeof old.reason);
  }
  t->s.r = t->o.r;
  t->s.lifetime = 5 * t->o.poll / 1000 > 10 ? 5 * t->o.poll / 1000 : 10;
  decide(t);
  hook_run(&t->o.h, t->s.level, t->s.reason, clock_ms());
  publish(t);
}

/* Takes our own flag away, leaves a person's, and says in the state that nobody measures any more. */
static void stop(monitor *t, uint64_t now)
{
  overload flag = OVERLOAD_ZERO;

  if (t->stop_at) return;
  t->stop_at = now + DRAIN;
  t->s.time = (uint64_t)time(0);
  look(t, &flag, t->s.time);
  if (flag.maker == OVERLOAD_MONITOR)
  {
    tell(t, SAID_FLAG, flag_drop(t->o.directory) < 0, "remove", "flag");
    strerr_warn(PROG, ": stopping: the flag is cleared");
    t->s.level = 0;
    t->s.since = t->s.time;
    t->s.reason[0] = 0;
  }
  probes_end(&t->p);
  t->s.lifetime = 0;
  publish(t);
}

static void signals(monitor *t, uint64_t now)
{
  for (;;) switch (selfpipe_read())
    {
      case -1: strerr_diefusys(111, "read the selfpipe");
      case 0: return;
      case SIGCHLD: hook_reap(&t->o.h); break;
      case SIGTERM:
      case SIGINT: stop(t, now); break;
      default: t->next = now; break; /* HUP: look at once */
    }
}

static void open_all(monitor *t)
{
  char path[PLACE_PATH];
  int fd;
  int r;

  if (mkdir(t->o.directory, 0755) < 0 && errno != EEXIST) strerr_diefusys(111, "make ", t->o.directory);
  if (place_path(path, t->o.directory, "lock") < 0) strerr_diefusys(111, "use ", t->o.directory);
  fd = open3(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
             0600); /* who can open it could hold the lock */
  r = fd < 0 || fchmod(fd, 0600) < 0 ? -1 : fd_lock(fd, 1, 1);
  if (r < 0) strerr_diefusys(111, "lock ", path);
  if (!r) strerr_dief(111, "another monitor runs in ", t->o.directory);
  if (flag_prepare(t->o.directory) < 0) strerr_diefusys(111, "write in ", t->o.directory);
  t->history = -1;
}

static int trap(void)
{
  static int const signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
  int fd = selfpipe_init();

  for (unsigned int i = 0; i < sizeof signals / sizeof signals[0]; i++)
    if (fd < 0 || selfpipe_trap(signals[i]) < 0) strerr_diefusys(111, "trap signals");
  if (sig_ignore(SIGPIPE) < 0) strerr_diefusys(111, "ignore SIGPIPE");
  return fd;
}

/* Returns 0 when it is time to leave. */
static int turn(monitor *t, int fd)
{
  uint64_t now = clock_ms();
  uint64_t until = t->stop_at ? t->stop_at : t->next;

  if (t->o.h.pid) until = earlier(until, t->o.h.deadline);
  if (!t->looking) until = wake_until(&t->w, until);
  wait_until(t, fd, now, until);
  now = clock_ms();
  signals(t, now);
  hook_expire(&t->o.h, now);
  if (t->stop_at)
  {
    if (!t->o.h.pid) return 0;
    if (now >= t->stop_at) t->o.h.deadline = earlier(t->o.h.deadline, now), t->stop_at = now + DRAIN;
    return t->o.h.sent < 2;
  }
  if (probes_take(&t->p, &t->o.m, now) && t->looking) judge(t, now);
  if (!t->looking && wake_take(&t->w, now)) t->next = now;
  if (now >= t->next)
  {
    poll_once(t, now);
    /* A machine that was suspended does not catch up. */
    t->next = t->next + t->o.poll > now ? t->next + t->o.poll : now + t->o.poll;
  }
  else
    hook_run(&t->o.h, t->s.level, t->s.reason, now);
  return 1;
}

/* Whether the backlog makes some level without a dwell: then it is worth while to be woken. */
static int is_eager(rules const *r)
{
  for (unsigned int i = 0; i < LEVELS; i++)
    if (r->at[i][GAUGE_BACKLOG].used && !r->at[i][GAUGE_BACKLOG].up) return 1;
  return 0;
}

int monitor_run(int argc, char const *const *argv)
{
  static monitor t = {.w = WAKE_NONE};
  int fd;

  options_parse(&t.o, argc, argv);
  probes_init(&t.p);
  umask(022);
  open_all(&t);
  if (t.o.ready) coe(t.o.ready);
  fd = trap();
  tain_now_set_stopwatch_g();
  begin(&t, fd);
  t.next = clock_ms() + t.o.poll;
  if (is_eager(&t.o.r)) wake_open(&t.w, t.o.m.queues, t.o.m.n);
  if (ready_notify(t.o.ready) < 0) strerr_warnwusys("notify readiness");
  while (turn(&t, fd))
    ;
  return 0;
}
