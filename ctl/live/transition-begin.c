#include <errno.h>
#include <limits.h>

#include <skalibs/djbunix.h>
#include <skalibs/posixplz.h>
#include <skalibs/types.h>

#include <runlib/started.h>

#include <ctl/live/servicedir.h>
#include <ctl/live/transition-begin.h>

void move_set_step(transition const *t, move *m, step s)
{
  m->step = s;
  if (!move_open(m)) tain_now(&m->ended);
  if (t->progress) t->progress(t, m, t->data);
}

/*
 * A service may need more time than the bundle gives to all: its directory says so, in milliseconds, in
 * data/ready-timeout (ours) and timeout-kill (s6's, after which s6-supervise kills it). 0: it does not say, or may take
 * for ever, which mailctl does not wait for.
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

/* What a stop may take: as long as s6-supervise lets it, and what it takes to be killed. */
static unsigned int stop_time(transition const *t, move const *m)
{
  unsigned int own = own_time(m, "/timeout-kill");

  return own ? own + KILL_TIME : t->stop_time;
}

void move_set_deadline(move *m, unsigned int ms, tain const *stamp)
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

void move_lose(transition const *t, move *m)
{
  m->error = errno;
  move_set_step(t, m, STEP_LOST);
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

static void begin_start(transition const *t, move *m, tain const *stamp)
{
  unsigned int own = own_time(m, "/data/ready-timeout");

  m->begun = 0;
  move_set_deadline(m, own ? own : t->start_time, stamp);
  if (prepare_start(t, m) < 0 || live_control(m->dir, "u") < 0)
  {
    move_lose(t, m);
    return;
  }
  if (m->status.finishing) live_hurry(m->dir);
  move_set_step(t, m, STEP_STARTING);
}

static void begin_stop(transition const *t, move *m, tain const *stamp)
{
  move_set_deadline(m, stop_time(t, m), stamp);
  if ((!t->limited && servicedir_hold(m->dir, 1) < 0 && errno != EROFS) || live_control(m->dir, "d") < 0)
  {
    move_lose(t, m);
    return;
  }
  if (m->status.finishing)
    live_hurry(m->dir); /* not the finish script of the very stop that was just asked for */
  move_set_step(t, m, STEP_STOPPING);
}

/*
 * One command to s6-supervise, which then stops and starts by itself: whoever kills mailctl in between, the
 * service comes back. The mark tells its finish script that this is no death; on a full disk it counts as one.
 */
static void begin_restart(transition const *t, move *m, tain const *stamp)
{
  unsigned int own =
      own_time(m, "/timeout-kill"); /* after which it is killed here: s6 does that for a stop alone */
  stralloc mark = STRALLOC_ZERO;
  int ok;

  m->old = m->status.pid;
  m->begun = 0;
  move_set_deadline(m, own ? own : t->stop_time, stamp);
  forget_deaths(t->bundle, m->name);
  ok = service_append(&mark, "%s/restarts/%s", t->bundle->run, m->name) >= 0 && stralloc_0(&mark) &&
       (servicedir_hold(m->dir, 0) >= 0 || errno == EROFS) &&
       (started_mark(mark.s, m->old) >= 0 || errno == EROFS || errno == ENOSPC) &&
       live_control(m->dir, "ur") >= 0;
  stralloc_free(&mark);
  if (ok)
    move_set_step(t, m, STEP_STOPPING);
  else
    move_lose(t, m);
}

void move_begin(transition const *t, move *m, tain const *stamp)
{
  live_status const *st = &m->status;

  if (m->goal == GOAL_STOP ? !st->supervised : m->goal == GOAL_START && st->ready && st->wanted)
    move_set_step(t, m, STEP_DONE);
  else if (m->goal == GOAL_STOP)
    begin_stop(t, m, stamp);
  else if (m->goal == GOAL_RESTART && st->up)
    begin_restart(t, m, stamp);
  else
    begin_start(t, m, stamp);
}

void move_ask(transition const *t, move *m, tain const *stamp)
{
  if (m->goal == GOAL_STOP)
  {
    begin_stop(t, m, stamp);
    return;
  }
  m->asked = 1;
  move_set_deadline(m, t->start_time, stamp);
  if (prepare_start(t, m) < 0 || live_control(m->dir, "u") < 0) move_lose(t, m);
}
