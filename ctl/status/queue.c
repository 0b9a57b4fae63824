#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include <skalibs/stralloc.h>

#include <runlib/counters.h>
#include <runlib/overload-hold.h>
#include <runlib/overload-place.h>
#include <runlib/overload-state.h>
#include <runlib/overload.h>
#include <runlib/queuecount.h>

#include <services/contract/where.h>

#include <ctl/status/snapshot-internal.h>

#define COUNT_MAX 1000000 /* files that status counts itself: some 300 ms */
#define AGES_MAX  5000    /* files whose times it reads while a monitor counts them */

static uint64_t seconds(tain const *t)
{
  struct timespec ts;
  return timespec_sysclock_from_tain(&ts, t) && ts.tv_sec > 0 ? (uint64_t)ts.tv_sec : 0;
}

/* --- the backlog --------------------------------------------------------------------------------- */

static int qmail_path(stralloc *path, bundle const *b, char const *below)
{
  path->len = 0;
  return service_append(path, "%s/queue%s", section_text(b->self, "qmail-home"), below) < 0 ||
                 !stralloc_0(path)
             ? -1
             : 0;
}

/* As monitor_queue, also for a bundle without a monitor. */
static int queue_path(stralloc *path, bundle const *b, size_t i)
{
  section const *monitor = bundle_section(b, "monitor");

  if (monitor) return monitor_queue(path, b, monitor, i);
  path->len = 0;
  if (i || (!bundle_qmail(b) && !spool_present(b))) return 0;
  return (bundle_qmail(b) ? qmail_path(path, b, "/todo") : spool_path(path, b, "/todo")) < 0 ? -1 : 1;
}

static int count_queues(queuecount *q, bundle const *b, uint64_t ages)
{
  stralloc path = STRALLOC_ZERO;
  int more;

  for (size_t i = 0; (more = queue_path(&path, b, i)) > 0; i++)
    if (queuecount_add(q, path.s, COUNT_MAX, ages) < 0)
    {
      more = -1;
      break;
    }
  stralloc_free(&path);
  return more;
}

static void take_reading(status_value *d, reading const *r)
{
  if (r->state == READING_KNOWN) status_value_count(d, r->value);
}

static void set_oldest(snapshot *s, queuecount const *q, uint64_t now)
{
  if (!q->oldest)
    status_value_none(&s->queue.oldest);
  else
    status_value_count(&s->queue.oldest, now > q->oldest ? now - q->oldest : 0);
}

/* Exact or not at all: what the monitor stopped counting is no number to show. */
static void take_measured(snapshot *s, monitor_state const *m)
{
  reading const *measured = &m->x.of[GAUGE_BACKLOG];

  if (!measured->more) take_reading(&s->queue.backlog, measured);
  take_reading(&s->queue.oldest, &m->x.of[GAUGE_OLDEST]);
  if (measured->state == READING_KNOWN && !measured->value) status_value_none(&s->queue.oldest);
}

/*
 * A long queue is not counted again while a monitor does that every second, nor are the times of its files read
 * again, unless somebody asks for a number that the monitor stopped at.
 */
static void take_backlog(snapshot *s, bundle const *b, monitor_state const *m)
{
  reading const *measured = &m->x.of[GAUGE_BACKLOG];
  int is_long = measured->state == READING_KNOWN && (measured->more || measured->value > AGES_MAX);
  queuecount q = QUEUECOUNT_ZERO;

  if ((is_long && !measured->more) || count_queues(&q, b, is_long ? 0 : COUNT_MAX) < 0)
  {
    take_measured(s, m);
    return;
  }
  if (!q.more) status_value_count(&s->queue.backlog, q.files);
  if (is_long)
    take_reading(&s->queue.oldest, &m->x.of[GAUGE_OLDEST]);
  else
    set_oldest(s, &q, seconds(&s->now));
}

/* --- the rest of the queue ----------------------------------------------------------------------- */

/* 0, or -1 and errno: the directory cannot be read. */
static int count(status_value *d, char const *dir)
{
  queuecount q = QUEUECOUNT_ZERO;

  if (queuecount_add(&q, dir, COUNT_MAX, 0) < 0) return -1;
  if (!q.more) status_value_count(d, q.files);
  return 0;
}

/* directory: of the same file system, where dir is not for us to reach. */
static void take_free(snapshot *s, char const *dir, char const *directory)
{
  struct statvfs v;

  if (!statvfs(dir, &v) || (errno == EACCES && !statvfs(directory, &v)))
    status_value_count(&s->queue.free, (uint64_t)v.f_bavail * v.f_frsize);
}

/* What spool-deliver publishes for those who may not look, as long as it runs. */
static void take_failed(snapshot *s, bundle const *b)
{
  static counter_value values[COUNTERS_MAX];
  service_fields const *sv = snapshot_find(s, "spool");
  char path[PLACE_PATH];
  int n;

  if (!sv || sv->pid.known != KNOWN || place_path(path, b->run, "spool/counters") < 0) return;
  n = counters_read(path, values);
  for (int i = 0; i < n; i++)
    if (!strcmp(values[i].name, "failed") && values[i].value != UINT64_MAX)
      status_value_count(&s->queue.failed, values[i].value);
}

/* Whether the backlog is what lies in todo, and nothing else. */
static int is_backlog(bundle const *b, char const *todo)
{
  stralloc path = STRALLOC_ZERO;
  int same = queue_path(&path, b, 0) > 0 && !strcmp(path.s, todo) && !queue_path(&path, b, 1);

  stralloc_free(&path);
  return same;
}

static int take_spool(snapshot *s, bundle const *b)
{
  stralloc path = STRALLOC_ZERO;
  stralloc whole = STRALLOC_ZERO;
  int result = -1;

  if (spool_path(&path, b, "/failed") < 0) goto end;
  if (count(&s->queue.failed, path.s) < 0) take_failed(s, b);
  path.len = 0;
  if (spool_path(&path, b, "/todo") < 0 || spool_path(&whole, b, "") < 0) goto end;
  if (is_backlog(b, path.s))
    s->queue.messages = s->queue.backlog;
  else
    (void)count(&s->queue.messages, path.s);
  take_free(s, path.s, whole.s);
  result = 0;
end:
  stralloc_free(&path);
  stralloc_free(&whole);
  return result;
}

static int take_qmail(snapshot *s, bundle const *b)
{
  stralloc path = STRALLOC_ZERO;
  stralloc whole = STRALLOC_ZERO;
  int result = -1;

  status_value_none(&s->queue.failed);
  if (qmail_path(&path, b, "/mess") < 0 || qmail_path(&whole, b, "") < 0) goto end;
  (void)count(&s->queue.messages, path.s);
  take_free(s, path.s, whole.s);
  result = 0;
end:
  stralloc_free(&path);
  stralloc_free(&whole);
  return result;
}

static void take_thresholds(snapshot *s, monitor_state const *m)
{
  status_value *const to[LEVELS][2] = {{&s->queue.enter, &s->queue.leave},
                                       {&s->queue.severe_enter, &s->queue.severe_leave}};

  for (unsigned int i = 0; i < LEVELS; i++)
  {
    threshold const *t = &m->r.at[i][GAUGE_BACKLOG];
    if (t->used)
      status_value_count(to[i][0], t->enter), status_value_count(to[i][1], t->leave);
    else
      status_value_none(to[i][0]), status_value_none(to[i][1]);
  }
}

/* --- overload ------------------------------------------------------------------------------------ */

static char const *maker_of(overload const *flag, hold const *h)
{
  if (flag->maker == OVERLOAD_HAND) return "hand";
  if (h->kind != HOLD_AUTO || (flag->level && flag->maker == OVERLOAD_HELD)) return "held";
  return flag->level ? "monitor" : 0;
}

/*
 * Whether a monitor should measure, and what it would say is not known, or not heeded: what is clear then is clear to
 * nobody. *why: a reason, where there is more to say than that nobody measures.
 */
static int is_blind(snapshot const *s, bundle const *b, monitor_state const *m, int measures,
                    char const **why)
{
  service_fields const *sv = snapshot_find(s, "monitor");

  if (!sv || !sv->wanted_now || !bundle_section(b, "monitor")) return 0;
  if (overload_link(b->control, b->run, 0) == 2)
    *why = "control/overloaded is no link to the monitor's flag, which nobody heeds: `mailctl up` mends that";
  return !measures || m->x.of[GAUGE_BACKLOG].state == READING_UNKNOWN || **why;
}

static int take_flag(snapshot *s, bundle const *b, char const *directory, monitor_state const *m,
                     int measures)
{
  static char const *const levels[] = {"clear", "overloaded", "severe"};
  char path[PLACE_PATH];
  uint64_t now = seconds(&s->now);
  uint64_t since;
  char const *maker;
  char const *reason;
  overload flag;
  hold h;

  status_value_count(&s->overload.monitor, measures != 0);
  if (place_path(path, b->control, "overloaded") < 0 || overload_read(&flag, path, now) < 0) return 0;
  if (hold_read(&h, directory) < 0 || hold_expired(&h, now)) h = (hold)HOLD_ZERO;
  maker = maker_of(&flag, &h);
  reason = h.reason[0] ? h.reason : flag.level ? flag.reason : "";
  if (!flag.level && !maker && is_blind(s, b, m, measures, &reason))
    status_value_text(&s->overload.state, "unknown"); /* and so is the level */
  else
  {
    status_value_count(&s->overload.level, flag.level);
    status_value_text(&s->overload.state, levels[flag.level]);
  }
  since = flag.level || !measures ? flag.since : m->since;
  if (since <= now + 1)
    status_value_epoch(&s->overload.since, since); /* later: the clock was set back meanwhile */
  status_value_epoch(&s->overload.until, h.until);
  if (maker)
    status_value_text(&s->overload.maker, maker);
  else
    status_value_none(&s->overload.maker);
  if (!reason[0]) return (status_value_none(&s->overload.reason), 0);
  return snapshot_words(&s->overload.reason, s, reason);
}

int snapshot_take_queue(snapshot *s, stored const *st)
{
  monitor_state m = {.time = 0};
  char directory[PLACE_PATH];
  int measures;

  if (place_path(directory, st->b.run, "overload") < 0) return 0;
  measures = s->running && !state_read(&m, directory) && state_fresh(&m, seconds(&s->now));
  if (!measures) memset(&m, 0, sizeof m);
  take_backlog(s, &st->b, &m);
  take_thresholds(s, &m);
  if ((bundle_qmail(&st->b) ? take_qmail(s, &st->b) : take_spool(s, &st->b)) < 0) return -1;
  return take_flag(s, &st->b, directory, &m, measures);
}
