#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <ctl/live/logs.h>
#include <ctl/status/look.h>

char const *const service_states[STATES] = {"unknown",           "ready",   "up",       "starting",
                                            "stopping",          "stopped", "retrying", "FAILED",
                                            "FAILED (retrying)", "missing", "lost"};

/* Whether it runs; p is filled where /proc shows it, else its pid is 0. */
static int is_running(look const *l, pid_t pid, process *p)
{
  if (p && l->proc >= 0 && process_read(p, l->proc, pid) >= 0) return 1;
  if (p) p->pid = 0;
  return !kill(pid, 0) || errno == EPERM;
}

/* Whether it is the child of an s6-supervise that s6-svscan has, as only what is supervised is. */
static int is_supervised(look const *l, process const *p)
{
  pid_t const *pid = genalloc_s(pid_t, &l->supervisors);

  for (size_t n = p->pid > 0 ? genalloc_len(pid_t, &l->supervisors) : 0; n; n--)
    if (*pid++ == p->parent) return 1;
  return 0;
}

/*
 * Whether the status of what runs is true by what the processes show, so that nobody need ask for s6-supervise's
 * lock. of: the service's process. A logger's status, whose p is 0, is true if its service is supervised:
 * s6-svscan then has an s6-supervise for each of the two, and at once a new one if that was killed.
 */
static int believe(look const *l, char const *dir, live_status *st, process *p, process const *of)
{
  if (!genalloc_len(pid_t, &l->supervisors) || (!p && !is_supervised(l, of))) return 0;
  return live_believe_at(l->dirs, dir, st) >= 0 && st->up && st->pid > 0 && is_running(l, st->pid, p) &&
         is_supervised(l, of);
}

/* As believe, which comes first. 1, or 0: s6-supervise does not run, or -1: nobody knows. */
static int read_status(look const *l, char const *dir, live_status *st, process *p, process const *of)
{
  if (l->dirs < 0) return l->no_dirs ? (memset(st, 0, sizeof *st), 0) : -1;
  if (believe(l, dir, st, p, of)) return 1;
  if (p) p->pid = 0;
  for (unsigned int tries = 0; tries < 3; tries++)
  {
    if (live_read_at(l->dirs, dir, st) < 0) return -1;
    if (!st->supervised) return 0;
    /* A status that names a process that does not exist is either a moment old, or wrong. */
    if (st->pid >= 0 && (!st->up || is_running(l, st->pid, p))) return 1;
  }
  return -1;
}

static int has_file(look const *l, char const *dir, char const *file)
{
  char path[SNAPSHOT_PATH];

  return l->dirs >= 0 && !faccessat(l->dirs, snapshot_path(path, dir, file), F_OK, 0);
}

static service_state state_of(look const *l, live_status const *st, deaths_state dead, char const *dir)
{
  if (dead == DEATHS_FAILED && !st->up) return STATE_FAILED;
  if (dead == DEATHS_TRYING && st->wanted && !st->ready) return STATE_FAILED_RETRYING;
  if (st->up)
  {
    if (!st->wanted) return STATE_STOPPING;
    return st->ready ? STATE_READY : has_file(l, dir, "notification-fd") ? STATE_STARTING : STATE_UP;
  }
  return st->wanted ? STATE_RETRYING : st->finishing ? STATE_STOPPING : STATE_STOPPED;
}

/*
 * 2000-01-01 to now, and a second for what happens meanwhile. A later one was written before the clock was set
 * back: only the kernel still knows since when the process runs.
 */
static void set_moment(status_value *d, tain const *t, process const *p, tain const *now)
{
  tain first, last, birth;

  tain_from_timespec_sysclock(&first, &(struct timespec){.tv_sec = 946684800});
  tain_addsec(&last, now, 1);
  if (!tain_less(t, &first) && tain_less(t, &last))
    status_value_time(d, t);
  else if (p->start && process_birth(&birth, p) >= 0)
    status_value_time(d, &birth);
}

static void set_pid(status_value *d, live_status const *st)
{
  if (st->up)
    status_value_count(d, (uint64_t)st->pid);
  else
    status_value_none(d);
}

/* `mailctl down NAME` holds a service with the file `down`, which up and restart remove. */
service_state look_state(look *l, service_fields *f, live_status *st, process *p, deaths_state dead)
{
  int r = read_status(l, f->id, st, p, p);
  service_state is = r < 0 ? STATE_UNKNOWN : !r ? STATE_MISSING : state_of(l, st, dead, f->id);

  l->found |= r > 0;
  f->wanted_now = (is != STATE_STOPPED && is != STATE_STOPPING) || !has_file(l, f->id, "down");
  if (r > 0)
  {
    set_pid(&f->pid, st);
    set_moment(&f->since, is == STATE_READY && st->ready ? &st->ready_since : &st->since, p, &l->s->now);
  }
  else if (!r)
  {
    status_value_none(&f->pid);
    status_value_none(&f->since);
  }
  return is;
}

void look_logger(look *l, service_fields *f, process const *of)
{
  char path[SNAPSHOT_PATH];
  char const *dir = snapshot_path(path, f->id, "log");
  live_status st;
  int r = read_status(l, dir, &st, 0, of);

  f->log_is = r < 0 ? STATE_UNKNOWN : !r ? STATE_MISSING : state_of(l, &st, DEATHS_NONE, dir);
  if (f->log_is == STATE_READY && logs_lost(l->st->b.log, f->id)) f->log_is = STATE_LOST;
  l->found |= r > 0;
  status_value_text(&f->log, service_states[f->log_is]);
  if (r > 0) set_pid(&f->log_pid, &st);
  if (!r) status_value_none(&f->log_pid);
}
