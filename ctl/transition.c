#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/djbunix.h>
#include <skalibs/iopause.h>
#include <skalibs/posixplz.h>
#include <skalibs/types.h>

#include <runlib/started.h>

#include <ctl/servicedir.h>
#include <ctl/transition.h>

#define KILL_TIME 15000 /* ms after drain: TERM, KILL, and the reaping */

void transition_init(transition *t, bundle const *b)
{
  static transition const zero = TRANSITION_ZERO;

  *t = zero;
  t->bundle = b;
  t->start_time = (unsigned int)section_number(b->self, "ready-timeout");
  t->stop_time = (unsigned int)section_number(b->self, "drain") + KILL_TIME;
}

int transition_add(transition *t, char const *name, genalloc const *needs, goal g)
{
  move m = {.name = name, .needs = needs, .goal = g, .step = g == GOAL_KEEP ? STEP_DONE : STEP_WAITING};
  stralloc dir = STRALLOC_ZERO;

  if (servicedir_path(&dir, t->bundle->run, name, "") < 0) return -1;
  m.dir = dir.s;
  return genalloc_append(move, &t->moves, &m) ? 0 : -1;
}

static int has_need(move const *m, char const *name)
{
  char **need = genalloc_s(char *, m->needs);

  for (size_t n = genalloc_len(char *, m->needs); n; n--)
    if (!strcmp(*need++, name)) return 1;
  return 0;
}

int move_open(move const *m)
{
  return m->step < STEP_DONE;
}

static void set_step(transition const *t, move *m, step s)
{
  m->step = s;
  if (t->progress) t->progress(t, m, t->data);
}

/*
 * A service may need more time than the bundle gives to all: its directory says so, in milliseconds, in
 * data/ready-timeout (ours) and timeout-kill (s6's; 0, for ever, does not make mailctl wait longer).
 */
static unsigned int own_time(move const *m, char const *file)
{
  char text[UINT_FMT + 2];
  stralloc path = STRALLOC_ZERO;
  ssize_t n = -1;
  unsigned int ms;

  if (stralloc_cats(&path, m->dir) && stralloc_cats(&path, file) && stralloc_0(&path))
    n = openreadnclose(path.s, text, UINT_FMT);
  stralloc_free(&path);
  if (n <= 0) return 0;
  text[n] = 0;
  return uint_scan(text, &ms) && ms <= INT_MAX - KILL_TIME ? ms : 0;
}

static void set_deadline(move *m, unsigned int ms, tain const *stamp)
{
  m->patience = ms;
  if (!ms)
    tain_add(&m->deadline, stamp, &tain_infinite_relative);
  else
  {
    tain_from_millisecs(&m->deadline, (int)ms);
    tain_add(&m->deadline, &m->deadline, stamp);
  }
  m->start = *stamp;
  tain_wallclock_read(&m->began);
}

/* --- what may begin ------------------------------------------------------------------------------ */

/* 1: every service that m waits for is where m wants it; 0: not yet; a failed one blocks a start. */
static int may_begin(transition *t, move *m)
{
  move *other = transition_moves(t);

  for (size_t n = transition_count(t); n; n--, other++)
  {
    if (other == m || other->goal == GOAL_KEEP) continue;
    if (m->goal == GOAL_STOP)
    {
      if (other->goal == GOAL_STOP && has_need(other, m->name) && move_open(other)) return 0;
      continue;
    }
    if (other->goal == GOAL_STOP || !has_need(m, other->name)) continue;
    if (move_open(other)) return 0;
    if (other->step == STEP_DONE) continue;
    m->blocker = (char *)other->name;
    set_step(t, m, STEP_BLOCKED);
    return 0;
  }
  return 1;
}

static int lose(transition const *t, move *m)
{
  m->error = errno;
  set_step(t, m, STEP_LOST);
  return 0;
}

/* What is commanded starts with a clean slate. */
static void forget_deaths(bundle const *b, char const *name)
{
  stralloc sa = STRALLOC_ZERO;

  if (service_append(&sa, "%s/deaths/%s", b->run, name) >= 0 && stralloc_0(&sa)) unlink_void(sa.s);
  stralloc_free(&sa);
}

static int prepare_start(transition const *t, move const *m)
{
  stralloc log = STRALLOC_ZERO;
  int ok;

  if (t->limited) return 0;
  forget_deaths(t->bundle, m->name);
  ok = servicedir_path(&log, t->bundle->run, m->name, "/log") >= 0 && servicedir_hold(log.s, 0) >= 0 &&
       servicedir_hold(m->dir, 0) >= 0 && live_control(log.s, "u") >= 0;
  stralloc_free(&log);
  return ok ? 0 : -1;
}

static int begin_start(transition const *t, move *m, tain const *stamp)
{
  unsigned int own = own_time(m, "/data/ready-timeout");

  m->begun = 0;
  set_deadline(m, own ? own : t->start_time, stamp);
  if (prepare_start(t, m) < 0 || live_control(m->dir, "u") < 0) return lose(t, m);
  if (m->status.finishing) live_hurry(m->dir);
  set_step(t, m, STEP_STARTING);
  return 0;
}

static int begin_stop(transition const *t, move *m, tain const *stamp)
{
  set_deadline(m, t->stop_time, stamp);
  if ((!t->limited && servicedir_hold(m->dir, 1) < 0) || live_control(m->dir, "d") < 0) return lose(t, m);
  if (m->status.finishing)
    live_hurry(m->dir); /* not the finish script of the very stop that was just asked for */
  set_step(t, m, STEP_STOPPING);
  return 0;
}

/*
 * One command to s6-supervise, which then stops and starts by itself: whoever kills mailctl in between, the
 * service comes back. The mark tells its finish script that this is no death.
 */
static int begin_restart(transition const *t, move *m, tain const *stamp)
{
  stralloc mark = STRALLOC_ZERO;
  int ok;

  m->old = m->status.pid;
  m->begun = 0;
  set_deadline(m, t->stop_time, stamp);
  forget_deaths(t->bundle, m->name);
  ok = service_append(&mark, "%s/restarts/%s", t->bundle->run, m->name) >= 0 && stralloc_0(&mark) &&
       servicedir_hold(m->dir, 0) >= 0 && started_mark(mark.s, m->old) >= 0 &&
       live_control(m->dir, "ur") >= 0;
  stralloc_free(&mark);
  if (!ok) return lose(t, m);
  set_step(t, m, STEP_STOPPING);
  return 0;
}

static int begin(transition const *t, move *m, tain const *stamp)
{
  if (m->goal == GOAL_START && m->status.ready && m->status.wanted)
  {
    set_step(t, m, STEP_DONE);
    return 0;
  }
  if (m->goal == GOAL_RESTART && m->status.up) return begin_restart(t, m, stamp);
  if (m->goal != GOAL_STOP) return begin_start(t, m, stamp);
  if (!m->status.supervised)
  {
    set_step(t, m, STEP_DONE);
    return 0;
  }
  return begin_stop(t, m, stamp);
}

/* --- where they are ------------------------------------------------------------------------------ */

/* A `d` counts only behind a `u`: an earlier stop's events may come late. Returns 1 if it died. */
static int saw_death(move *m, stralloc const *events)
{
  for (size_t i = 0; i < events->len; i++)
  {
    if (events->s[i] == 'u') m->begun = 1;
    if (m->begun && (events->s[i] == 'd' || events->s[i] == 'O')) return 1;
  }
  return 0;
}

static void follow_start(transition const *t, move *m, stralloc const *events, tain const *stamp)
{
  int died = saw_death(m, events);

  if (t->limited)
  {
    died = m->begun && !m->status.up;
    m->begun |= m->status.up;
  }
  if (m->status.ready)
    set_step(t, m, STEP_DONE);
  else if (died)
    set_step(t, m, STEP_DIED);
  else if (!m->status.supervised)
  {
    errno = ENXIO;
    lose(t, m);
  }
  else if (tain_less(&m->deadline, stamp))
    set_step(t, m, STEP_LATE);
}

static void follow_stop(transition const *t, move *m, tain const *stamp)
{
  if (!m->status.supervised || (!m->status.pid && !m->status.wanted))
    set_step(t, m, STEP_DONE);
  else if (tain_less(&m->deadline, stamp))
    set_step(t, m, STEP_LATE);
}

/* `s6-svc -r` has no timeout-kill: a daemon that does not end in time is killed here. */
static void follow_restart(transition const *t, move *m, tain const *stamp)
{
  if (!m->status.supervised)
  {
    errno = ENXIO;
    lose(t, m);
  }
  else if (!m->status.up || m->status.pid != m->old)
  {
    set_deadline(m, t->start_time, stamp);
    set_step(t, m, STEP_STARTING);
  }
  else if (tain_less(&m->deadline, stamp))
  {
    if (m->killed || live_control(m->dir, "k") < 0)
    {
      set_step(t, m, STEP_LATE);
      return;
    }
    m->killed = 1;
    set_deadline(m, KILL_TIME, stamp);
  }
}

/*
 * A status file that cannot be read, or is damaged, hides what is; s6-supervise writes it anew when it next
 * does something. So the command is sent all the same (a service that shall be up is restarted), and the
 * answer waited for.
 */
static void follow_unread(transition *t, move *m, tain const *stamp)
{
  if (m->step == STEP_WAITING && may_begin(t, m))
  {
    if (m->goal == GOAL_STOP)
      begin_stop(t, m, stamp);
    else if (begin_start(t, m, stamp), m->step == STEP_STARTING && live_control(m->dir, "r") < 0)
      lose(t, m);
  }
  else if (move_open(m) && m->step != STEP_WAITING && tain_less(&m->deadline, stamp))
    lose(t, m);
}

static int follow(transition *t, move *m, tain const *stamp)
{
  stralloc events = STRALLOC_ZERO;
  int result = -1;

  if (m->watch && live_events_take(t->events, m->watch, &events) < 0) goto end;
  result = 0;
  if (live_read(m->dir, &m->status) < 0)
  {
    follow_unread(t, m, stamp);
    goto end;
  }
  if (m->step == STEP_WAITING && may_begin(t, m)) begin(t, m, stamp);
  if (m->step == STEP_STOPPING)
    m->goal == GOAL_RESTART ? follow_restart(t, m, stamp) : follow_stop(t, m, stamp);
  if (m->step == STEP_STARTING) follow_start(t, m, &events, stamp);
end:
  stralloc_free(&events);
  return result;
}

/*
 * Until when to wait for m. One told to go down while it was between two attempts gives no event, if it
 * was down already: such a one is looked at again soon.
 */
static void limit(move const *m, tain *deadline, tain const *stamp)
{
  static tain const soon = {.sec = TAI_ZERO, .nano = 20000000};
  tain at = m->deadline;

  if (m->step != STEP_STARTING && m->step != STEP_STOPPING) return;
  if (m->step == STEP_STOPPING && !m->status.pid) tain_add(&at, stamp, &soon);
  if (tain_less(&at, deadline)) *deadline = at;
}

/* One look at all of them; again while anything changed, because one's end is another's beginning. */
static int look(transition *t, tain *deadline, tain const *stamp)
{
  size_t open;
  int changed = 1;

  while (changed)
  {
    move *m = transition_moves(t);
    changed = 0;
    open = 0;
    tain_add(deadline, stamp, &tain_infinite_relative);
    for (size_t n = transition_count(t); n; n--, m++)
    {
      step before = m->step;
      if (!move_open(m)) continue;
      if (follow(t, m, stamp) < 0) return -1;
      changed |= m->step != before;
      open += move_open(m);
      limit(m, deadline, stamp);
    }
  }
  return open > 0;
}

static int watch_all(transition *t, tain const *deadline, tain *stamp)
{
  move *m = transition_moves(t);

  t->events = live_events_new(deadline, stamp);
  if (!t->events) return -1;
  for (size_t n = transition_count(t); n; n--, m++)
  {
    if (m->goal == GOAL_KEEP) continue;
    m->watch = live_events_watch(t->events, m->dir, deadline, stamp);
    if (!m->watch && errno != ENOENT) return -1;
  }
  return 0;
}

/* Until something happens, or the deadline; who hears no events looks again soon. */
static int wait_for_news(transition *t, tain const *deadline, tain *stamp)
{
  static tain const pause = {.sec = TAI_ZERO, .nano = 20000000};
  tain soon;

  if (t->events) return live_events_wait(t->events, deadline, stamp);
  tain_add(&soon, stamp, &pause);
  return iopause_stamp(0, 0, tain_less(&soon, deadline) ? &soon : deadline, stamp);
}

int transition_run(transition *t, tain *stamp)
{
  tain deadline;
  int r;

  if (transition_ended(t, STEP_WAITING) == 0) return 0;
  tain_now(stamp); /* what came before, such as ending orphans, may have taken longer than this deadline */
  tain_addsec(&deadline, stamp, 10);
  if (!t->limited && watch_all(t, &deadline, stamp) < 0) return -1;
  while ((r = look(t, &deadline, stamp)) > 0)
  {
    static tain const instant = {.sec = TAI_ZERO, .nano = 1000000};
    tain_add(&deadline, &deadline, &instant); /* past it, not at it: tain_less is strict */
    if (wait_for_news(t, &deadline, stamp) < 0) return -1;
  }
  return r;
}

size_t transition_ended(transition const *t, step s)
{
  move const *m = transition_moves(t);
  size_t found = 0;

  for (size_t n = transition_count(t); n; n--, m++) found += m->goal != GOAL_KEEP && m->step == s;
  return found;
}

void transition_free(transition *t)
{
  move *m = transition_moves(t);

  for (size_t n = transition_count(t); n; n--, m++) free(m->dir);
  genalloc_free(move, &t->moves);
  live_events_free(t->events);
  t->events = 0;
}
