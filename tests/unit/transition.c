#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/iopause.h>

#include <services/contract/bundle.h>

#include <ctl/live/transition-begin.h>
#include <ctl/live/transition.h>

#include "directory.h"
#include "unit.h"

/*
 * A live layer of our own in the place of ctl/live/live.c: services that take the time they are told to, on a clock that
 * stands still but for transition_run's waits, which jump to the next thing that happens.
 */

#define NEVER -1 /* ms */

typedef struct fake_s fake;
struct fake_s
{
  char const *name;
  int ready_after; /* ms from its start; NEVER */
  int dies_after;  /* ms from its start; NEVER */
  int stop_after;  /* ms from TERM; NEVER: only KILL ends it */
  int deaf;        /* KILL does not end it either: it waits for a disk */
  int damaged;     /* its status cannot be read until s6-supervise is told something */
  int lost;        /* commands do not reach its s6-supervise */
  live_status is;
  long ready_at, death_at; /* ms; NEVER */
  int again;               /* it is started again when it has ended */
  char events[32];
};

static fake fakes[4];
static size_t fakes_n;
static char said[512]; /* the commands that were given, in order: `NAME:LETTERS ` each */
static tain zero;      /* when the run began */
static long now;       /* ms since then */
static pid_t last_pid;
static unsigned int hurried;

static fake *fake_of(char const *dir)
{
  char const *name = strrchr(dir, '/') + 1;

  for (size_t i = 0; i < fakes_n; i++)
    if (!strcmp(fakes[i].name, name)) return fakes + i;
  return 0; /* a logger */
}

static void fake_event(fake *f, char letter)
{
  size_t n = strlen(f->events);

  ck_assert_uint_lt(n, sizeof f->events - 1);
  f->events[n] = letter;
  f->events[n + 1] = 0;
}

static void fake_start(fake *f)
{
  f->is.up = 1;
  f->is.pid = ++last_pid;
  f->ready_at = f->ready_after == NEVER ? NEVER : now + f->ready_after;
  f->death_at = f->dies_after == NEVER ? NEVER : now + f->dies_after;
  fake_event(f, 'u');
}

static void fake_end(fake *f)
{
  f->is.up = f->is.ready = 0;
  f->is.pid = 0;
  f->ready_at = f->death_at = NEVER;
  fake_event(f, 'd');
  fake_event(f, 'D');
  if (f->again) fake_start(f);
  f->again = 0;
}

/* What happens to any of them up to now. */
static void fake_happen(void)
{
  for (size_t i = 0; i < fakes_n; i++)
  {
    fake *f = fakes + i;
    if (f->death_at != NEVER && f->death_at <= now)
      fake_end(f);
    else if (f->ready_at != NEVER && f->ready_at <= now)
    {
      f->ready_at = NEVER;
      f->is.ready = 1;
      fake_event(f, 'U');
    }
  }
}

static long fake_next(void)
{
  long next = NEVER;

  for (size_t i = 0; i < fakes_n; i++)
  {
    fake const *f = fakes + i;
    if (f->death_at != NEVER && (next == NEVER || f->death_at < next)) next = f->death_at;
    if (f->ready_at != NEVER && (next == NEVER || f->ready_at < next)) next = f->ready_at;
  }
  return next;
}

static long fake_ms(tain const *t)
{
  tain d;

  tain_sub(&d, t, &zero);
  return (long)(d.sec.x - TAI_MAGIC) * 1000 + (long)(d.nano / 1000000);
}

/* Jumps to what happens next, or to the deadline. The test would hang where neither comes. */
static int fake_wait(tain const *deadline, tain *stamp)
{
  long next = fake_next();
  long end = tain_less(deadline, &(tain){.sec = {.x = zero.sec.x + 86400}}) ? fake_ms(deadline) : NEVER;
  tain d;

  ck_assert_msg(next != NEVER || end != NEVER, "waits for ever at %ld ms: %s", now, said);
  if (next == NEVER || (end != NEVER && end < next)) next = end;
  if (next > now) now = next;
  fake_happen();
  tain_from_millisecs(&d, (int)now);
  tain_add(stamp, &zero, &d);
  return 1;
}

int live_read(char const *dir, live_status *st)
{
  fake const *f = fake_of(dir);
  static live_status const none = {.pid = 0};

  *st = f->is;
  if (!f->damaged) return 0;
  *st = none;
  st->supervised = f->is.supervised;
  return (errno = EINVAL, -1);
}

int live_control(char const *dir, char const *letters)
{
  fake *f = fake_of(dir);
  size_t n = strlen(said);

  if (!f) return 0;
  snprintf(said + n, sizeof said - n, "%s:%s ", f->name, letters);
  if (f->lost || !f->is.supervised) return (errno = ENXIO, -1);
  f->damaged = 0;
  if (!strcmp(letters, "u"))
  {
    f->is.wanted = 1;
    f->is.finishing = 0;
    if (!f->is.up) fake_start(f);
  }
  else if (!strcmp(letters, "k"))
  {
    if (!f->deaf) f->death_at = now;
  }
  else
  {
    f->is.wanted = f->again = !strcmp(letters, "ur");
    if (f->is.up && f->stop_after != NEVER) f->death_at = now + f->stop_after;
  }
  return 0;
}

void live_hurry(char const *dir)
{
  (void)dir;
  hurried++;
}

live_events *live_events_new(tain const *deadline, tain *stamp)
{
  (void)deadline;
  zero = *stamp;
  now = 0;
  return (live_events *)&zero;
}

uint16_t live_events_watch(live_events *ev, char const *dir, tain const *deadline, tain *stamp)
{
  (void)ev;
  (void)deadline;
  (void)stamp;
  return (uint16_t)(fake_of(dir) - fakes + 1);
}

int live_events_take(live_events *ev, uint16_t watch, stralloc *events)
{
  fake *f = fakes + watch - 1;

  (void)ev;
  if (!stralloc_cats(events, f->events)) return -1;
  f->events[0] = 0;
  return 0;
}

int live_events_wait(live_events *ev, tain const *deadline, tain *stamp)
{
  (void)ev;
  return fake_wait(deadline, stamp);
}

void live_events_free(live_events *ev)
{
  (void)ev;
}

/* The wait of a transition that hears no events. */
int iopause_stamp(iopause_fd *x, unsigned int n, tain const *deadline, tain *stamp)
{
  (void)x;
  ck_assert_uint_eq(n, 0);
  if (!zero.sec.x)
  {
    zero = *stamp;
    now = 0;
  }
  return fake_wait(deadline, stamp);
}

/* --- a bundle, and the services that it has in a test ---------------------------------------------- */

static key const bundle_keys[] = {
    {.name = "ready-timeout", .type = KEY_TIME}, {.name = "drain", .type = KEY_TIME}, {.name = 0}};
static section_kind const kind = {.name = "bundle", .keys = bundle_keys};
static section self = {.kind = &kind};
static bundle b = {.self = &self, .run = "run"};
static genalloc needs[4]; /* of char * */
static transition t;

#define START_TIME 30000
#define DRAIN      60000

static void prepare(void)
{
  value times[] = {{.key = bundle_keys, .number = START_TIME}, {.key = bundle_keys + 1, .number = DRAIN}};

  rm_rf("run"); /* the test before this one's */
  ck_assert_int_eq(mkdir("run", 0755) | mkdir("run/servicedirs", 0755) | mkdir("run/restarts", 0755), 0);
  ck_assert(genalloc_catb(value, &self.values, times, 2));
  ck_assert(tain_now_set_stopwatch_g());
  transition_init(&t, &b);
}

/* A service that is down, or up and ready, which takes 100 ms for each. */
static fake *have(char const *name, goal g, int up)
{
  static fake const ordinary = {.ready_after = 100, .dies_after = NEVER, .stop_after = 100};
  fake *f = fakes + fakes_n;
  char path[64];

  *f = ordinary;
  f->name = name;
  f->is.supervised = 1;
  f->ready_at = f->death_at = NEVER;
  f->is.up = f->is.ready = f->is.wanted = up;
  f->is.pid = up ? ++last_pid : 0;
  snprintf(path, sizeof path, "run/servicedirs/%s", name);
  ck_assert_int_eq(mkdir(path, 0755), 0);
  snprintf(path, sizeof path, "run/servicedirs/%s/log", name);
  ck_assert_int_eq(mkdir(path, 0755), 0);
  snprintf(path, sizeof path, "run/servicedirs/%s/data", name);
  ck_assert_int_eq(mkdir(path, 0755), 0);
  ck_assert_int_eq(transition_add(&t, name, needs + fakes_n, g), 0);
  fakes_n++;
  return f;
}

static void need(fake const *f, char const *name)
{
  ck_assert(genalloc_append(char *, needs + (f - fakes), (char **)&name));
}

static move const *move_of(fake const *f)
{
  return transition_moves(&t) + (f - fakes);
}

static void file(char const *path, char const *text)
{
  FILE *f = fopen(path, "w");

  ck_assert_ptr_nonnull(f);
  ck_assert(fputs(text, f) >= 0 && !fclose(f));
}

/* Runs it, and asserts when it ended, give or take the margins of 1 and 20 ms at which it looks. */
static void run(long ends)
{
  tain stamp;

  ck_assert_int_eq(transition_run(&t, &stamp), 0);
  ck_assert_msg(now >= ends && now <= ends + 50, "ended after %ld ms, not %ld", now, ends);
  for (size_t i = 0; i < fakes_n; i++) ck_assert(!move_open(transition_moves(&t) + i));
}

static int is_held(char const *name)
{
  char path[64];

  snprintf(path, sizeof path, "run/servicedirs/%s/down", name);
  return !access(path, F_OK);
}

/* --- order ----------------------------------------------------------------------------------------- */

START_TEST(a_start_waits_for_what_it_needs)
{
  fake *web = have("web", GOAL_START, 0);
  fake *db = have("db", GOAL_START, 0);

  need(web, "db");
  need(web, "nobody");
  db->ready_after = 5000;
  run(5100);
  ck_assert_str_eq(said, "db:u web:u ");
  ck_assert_uint_eq(transition_ended(&t, STEP_DONE), 2);
}
END_TEST

START_TEST(a_stop_waits_for_those_that_need_it)
{
  fake *db = have("db", GOAL_STOP, 1);
  fake *web = have("web", GOAL_STOP, 1);

  need(web, "db");
  web->stop_after = 7000;
  run(7100);
  ck_assert_str_eq(said, "web:d db:d ");
  ck_assert(db->is.pid == 0 && is_held("db") && is_held("web"));
}
END_TEST

START_TEST(the_independent_go_side_by_side)
{
  have("a", GOAL_START, 0)->ready_after = 9000;
  have("b", GOAL_START, 0)->ready_after = 9000;
  have("c", GOAL_STOP, 1)->stop_after = 9000;
  run(9000);
  ck_assert_uint_eq(transition_ended(&t, STEP_DONE), 3);
}
END_TEST

START_TEST(what_is_kept_is_in_nobodys_way)
{
  fake *web = have("web", GOAL_RESTART, 1);

  have("db", GOAL_KEEP, 0);
  need(web, "db");
  run(200);
  ck_assert_str_eq(said, "web:ur ");
  ck_assert_uint_eq(transition_ended(&t, STEP_DONE), 1);
}
END_TEST

START_TEST(a_failure_blocks_what_needs_it_and_nothing_else)
{
  fake *web = have("web", GOAL_START, 0);
  fake *proxy = have("proxy", GOAL_START, 0);
  fake *db = have("db", GOAL_START, 0);
  fake *cron = have("cron", GOAL_START, 0);

  need(web, "db");
  need(proxy, "web");
  db->ready_after = NEVER;
  db->dies_after = 300;
  run(300);
  ck_assert_str_eq(said, "db:u cron:u ");
  ck_assert_int_eq(move_of(db)->step, STEP_DIED);
  ck_assert_int_eq(move_of(web)->step, STEP_BLOCKED);
  ck_assert_str_eq(move_of(web)->blocker, "db");
  ck_assert_str_eq(move_of(proxy)->blocker, "web");
  ck_assert_int_eq(move_of(cron)->step, STEP_DONE);
}
END_TEST

/* --- starts ---------------------------------------------------------------------------------------- */

START_TEST(what_is_there_is_left_alone)
{
  have("web", GOAL_START, 1);
  have("db", GOAL_STOP, 0)->is.supervised = 0;
  run(0);
  ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(a_start_may_take_the_bundles_time)
{
  fake *slow = have("slow", GOAL_START, 0);
  fake *late = have("late", GOAL_START, 0);

  slow->ready_after = START_TIME - 1;
  late->ready_after = NEVER;
  run(START_TIME);
  ck_assert_int_eq(move_of(slow)->step, STEP_DONE);
  ck_assert_int_eq(move_of(late)->step, STEP_LATE);
  ck_assert_uint_eq(move_of(late)->patience, START_TIME);
}
END_TEST

START_TEST(a_start_may_take_its_own_time)
{
  fake *slow = have("slow", GOAL_START, 0);

  file("run/servicedirs/slow/data/ready-timeout", "120000\n");
  slow->ready_after = NEVER;
  run(120000);
  ck_assert_int_eq(move_of(slow)->step, STEP_LATE);
}
END_TEST

/* s6-ftrigrd may tell late of a stop that was before the start. */
START_TEST(an_earlier_stop_is_no_death)
{
  fake *f = have("web", GOAL_START, 0);

  fake_event(f, 'd');
  fake_event(f, 'D');
  run(100);
  ck_assert_int_eq(move_of(f)->step, STEP_DONE);
}
END_TEST

START_TEST(a_pause_before_the_next_attempt_is_cut_short)
{
  fake *f = have("web", GOAL_START, 0);

  f->is.finishing = 1;
  run(100);
  ck_assert_uint_eq(hurried, 1);
}
END_TEST

/* --- stops ----------------------------------------------------------------------------------------- */

START_TEST(a_stop_has_drain_and_a_margin)
{
  fake *slow = have("slow", GOAL_STOP, 1);
  fake *late = have("late", GOAL_STOP, 1);

  slow->stop_after = DRAIN + KILL_TIME - 1;
  late->stop_after = NEVER;
  run(DRAIN + KILL_TIME);
  ck_assert_int_eq(move_of(slow)->step, STEP_DONE);
  ck_assert_int_eq(move_of(late)->step, STEP_LATE);
}
END_TEST

/* As long as s6-supervise lets it: one that takes ten minutes to deliver what it began is not given up before. */
START_TEST(a_stop_may_take_its_own_time)
{
  fake *slow = have("slow", GOAL_STOP, 1);
  fake *late = have("late", GOAL_STOP, 1);
  fake *again = have("again", GOAL_RESTART, 1);

  file("run/servicedirs/slow/timeout-kill", "600000\n");
  file("run/servicedirs/late/timeout-kill", "5000\n");
  file("run/servicedirs/again/timeout-kill", "600000\n");
  slow->stop_after = again->stop_after = 599000;
  late->stop_after = NEVER;
  run(599100);
  ck_assert_int_eq(move_of(slow)->step, STEP_DONE);
  ck_assert_int_eq(move_of(late)->step, STEP_LATE);
  ck_assert_uint_eq(move_of(late)->patience, 5000 + KILL_TIME);
  ck_assert_int_eq(move_of(again)->step, STEP_DONE);
  ck_assert_ptr_null(strchr(said, 'k'));
}
END_TEST

/* 0: for ever, to s6-supervise; mailctl waits as long as for any. */
START_TEST(a_stop_without_end_has_the_bundles_time)
{
  fake *late = have("late", GOAL_STOP, 1);

  file("run/servicedirs/late/timeout-kill", "0\n");
  late->stop_after = NEVER;
  run(DRAIN + KILL_TIME);
  ck_assert_int_eq(move_of(late)->step, STEP_LATE);
}
END_TEST

/* --- restarts -------------------------------------------------------------------------------------- */

START_TEST(a_restart_is_one_command_and_another_process)
{
  fake *f = have("web", GOAL_RESTART, 1);
  pid_t old = f->is.pid;

  run(200);
  ck_assert_str_eq(said, "web:ur ");
  ck_assert(f->is.ready && f->is.pid != old && !is_held("web"));
  ck_assert_int_eq(access("run/restarts/web", F_OK), 0);
}
END_TEST

START_TEST(a_restart_of_what_is_down_starts_it)
{
  have("web", GOAL_RESTART, 0);
  run(100);
  ck_assert_str_eq(said, "web:u ");
}
END_TEST

START_TEST(a_restart_kills_what_does_not_end)
{
  fake *f = have("web", GOAL_RESTART, 1);

  f->stop_after = NEVER;
  run(DRAIN + KILL_TIME + 100);
  ck_assert_str_eq(said, "web:ur web:k ");
  ck_assert(f->is.ready);
}
END_TEST

START_TEST(a_restart_gives_up_on_what_cannot_be_killed)
{
  fake *f = have("web", GOAL_RESTART, 1);

  f->stop_after = NEVER;
  f->deaf = 1;
  run(DRAIN + 2 * KILL_TIME);
  ck_assert_int_eq(move_of(f)->step, STEP_LATE);
}
END_TEST

/* --- s6-supervise that is not there, or a status that cannot be read --------------------------------- */

START_TEST(who_cannot_be_commanded_is_lost)
{
  fake *f = have("web", GOAL_START, 0);

  f->lost = 1;
  run(0);
  ck_assert_int_eq(move_of(f)->step, STEP_LOST);
  ck_assert_int_eq(move_of(f)->error, ENXIO);
}
END_TEST

START_TEST(a_damaged_status_is_written_anew)
{
  fake *start = have("start", GOAL_START, 1);
  fake *stop = have("stop", GOAL_STOP, 1);

  start->damaged = stop->damaged = 1;
  run(100);
  ck_assert_str_eq(said, "start:u stop:d ");
  ck_assert_uint_eq(transition_ended(&t, STEP_DONE), 2);
}
END_TEST

/* --- one who may only command ---------------------------------------------------------------------- */

START_TEST(the_limited_write_nothing)
{
  fake *web = have("web", GOAL_STOP, 1);
  fake *db = have("db", GOAL_START, 0);

  t.limited = 1;
  db->dies_after = 300;
  db->ready_after = NEVER;
  run(300);
  ck_assert(!is_held("web"));
  ck_assert_int_eq(move_of(web)->step, STEP_DONE);
  ck_assert_int_eq(move_of(db)->step, STEP_DIED);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("transition");
  TCase *t1 = tcase_create("transition");

  unit_in_directory(t1);
  tcase_add_checked_fixture(t1, &prepare, 0);
  tcase_add_test(t1, a_start_waits_for_what_it_needs);
  tcase_add_test(t1, a_stop_waits_for_those_that_need_it);
  tcase_add_test(t1, the_independent_go_side_by_side);
  tcase_add_test(t1, what_is_kept_is_in_nobodys_way);
  tcase_add_test(t1, a_failure_blocks_what_needs_it_and_nothing_else);
  tcase_add_test(t1, what_is_there_is_left_alone);
  tcase_add_test(t1, a_start_may_take_the_bundles_time);
  tcase_add_test(t1, a_start_may_take_its_own_time);
  tcase_add_test(t1, an_earlier_stop_is_no_death);
  tcase_add_test(t1, a_pause_before_the_next_attempt_is_cut_short);
  tcase_add_test(t1, a_stop_has_drain_and_a_margin);
  tcase_add_test(t1, a_stop_may_take_its_own_time);
  tcase_add_test(t1, a_stop_without_end_has_the_bundles_time);
  tcase_add_test(t1, a_restart_is_one_command_and_another_process);
  tcase_add_test(t1, a_restart_of_what_is_down_starts_it);
  tcase_add_test(t1, a_restart_kills_what_does_not_end);
  tcase_add_test(t1, a_restart_gives_up_on_what_cannot_be_killed);
  tcase_add_test(t1, who_cannot_be_commanded_is_lost);
  tcase_add_test(t1, a_damaged_status_is_written_anew);
  tcase_add_test(t1, the_limited_write_nothing);
  suite_add_tcase(s, t1);
  return unit_run(s);
}
