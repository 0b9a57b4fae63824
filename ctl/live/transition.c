#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/djbunix.h>
#include <skalibs/iopause.h>
#include <skalibs/posixplz.h>
#include <skalibs/types.h>

#include <runlib/started.h>

#include <ctl/live/servicedir.h>
#include <ctl/live/transition-begin.h>

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
    move_set_step(t, m, STEP_BLOCKED);
    return 0;
  }
  return 1;
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
    move_set_step(t, m, STEP_DONE);
  else if (died)
    move_set_step(t, m, STEP_DIED);
  else if (!m->status.supervised)
  {
    errno = ENXIO;
    move_lose(t, m);
  }
  else if (tain_less(&m->deadline, stamp))
    move_set_step(t, m, STEP_LATE);
}

static void follow_stop(transition const *t, move *m, tain const *stamp)
{
  if (!m->status.supervised || (!m->status.pid && !m->status.wanted))
    move_set_step(t, m, STEP_DONE);
  else if (tain_less(&m->deadline, stamp))
    move_set_step(t, m, STEP_LATE);
}

/* `s6-svc -r` has no timeout-kill: a daemon that does not end in time is killed here. */
static void follow_restart(transition const *t, move *m, tain const *stamp)
{
  if (!m->status.supervised)
  {
    errno = ENXIO;
    move_lose(t, m);
  }
  else if (!m->status.up || m->status.pid != m->old)
  {
    move_set_deadline(m, t->start_time, stamp);
    move_set_step(t, m, STEP_STARTING);
  }
  else if (tain_less(&m->deadline, stamp))
  {
    if (m->killed || live_control(m->dir, "k") < 0)
    {
      move_set_step(t, m, STEP_LATE);
      return;
    }
    m->killed = 1;
    move_set_deadline(m, KILL_TIME, stamp);
  }
}

/* The status is damaged, or cannot be read, which hides what is. */
static void follow_unread(transition *t, move *m, tain const *stamp)
{
  int waits = m->step == STEP_WAITING && !m->asked;

  if (waits && may_begin(t, m))
    move_ask(t, m, stamp);
  else if (!waits && move_open(m) && tain_less(&m->deadline, stamp))
    move_lose(t, m);
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
  m->asked = 0;
  if (m->step == STEP_WAITING && may_begin(t, m)) move_begin(t, m, stamp);
  if (m->step == STEP_STOPPING)
    m->goal == GOAL_RESTART ? follow_restart(t, m, stamp) : follow_stop(t, m, stamp);
  if (m->step == STEP_STARTING) follow_start(t, m, &events, stamp);
end:
  stralloc_free(&events);
  return result;
}

/*
 * Until when to wait for m. One told to go down while it was between two attempts gives no event, if it
 * was down already, nor does one that writes its status anew: such a one is looked at again soon.
 */
static void limit(move const *m, tain *deadline, tain const *stamp)
{
  static tain const soon = {.sec = TAI_ZERO, .nano = 20000000};
  tain at = m->deadline;

  if (m->step != STEP_STARTING && m->step != STEP_STOPPING && !m->asked) return;
  if (m->asked || (m->step == STEP_STOPPING && !m->status.pid)) tain_add(&at, stamp, &soon);
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
  if (!t->limited && watch_all(t, &deadline, stamp) < 0)
  {
    if (errno != EROFS) return -1;
    live_events_free(t->events); /* nobody can subscribe there: to look again and again is enough */
    t->events = 0;
    t->limited = 1;
  }
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
