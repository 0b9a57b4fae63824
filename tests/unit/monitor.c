#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/overload-flag.h>
#include <runlib/overload-history.h>
#include <runlib/overload-hold.h>
#include <runlib/overload-place.h>
#include <runlib/overload-state.h>

#include <services/monitor/act.h>
#include <services/monitor/hook.h>
#include <services/monitor/measure.h>
#include <services/monitor/options.h>
#include <services/monitor/spec.h>

#include "directory.h"
#include "unit.h"

static void make_directories(void)
{
  ck_assert(!mkdir("run", 0755) && !mkdir("run/overload", 0755) && !mkdir("control", 0755));
}

static int exists(char const *path)
{
  struct stat st;
  return !lstat(path, &st);
}

static void touch(char const *path)
{
  int fd = open_create(path);
  ck_assert_int_ge(fd, 0);
  fd_close(fd);
}

static monitor_state busy(void)
{
  monitor_state m;

  memset(&m, 0, sizeof m);
  m.time = 1800000000;
  m.lifetime = 10;
  m.since = 1799999000;
  m.until = 1800003600;
  m.mode = MODE_ON;
  m.level = 2;
  m.measured = 1;
  m.hooked = 1;
  m.raised[0] = 1u << GAUGE_BACKLOG | 1u << GAUGE_IO;
  m.raised[1] = 1u << GAUGE_FREE_BYTES;
  strcpy(m.reason, "the disk is being replaced");
  for (gauge_number g = 0; g < GAUGES; g++)
    m.x.of[g] = (reading){.value = UINT64_MAX - g, .state = READING_KNOWN, .more = g & 1};
  m.x.of[GAUGE_LOAD] = (reading){.value = 0, .state = READING_UNKNOWN};
  m.x.of[GAUGE_CPU] = (reading){.value = 0, .state = READING_ABSENT};
  for (unsigned int i = 0; i < LEVELS; i++)
    for (gauge_number g = 0; g < GAUGES; g++)
      m.r.at[i][g] = (threshold){.used = 1, .enter = UINT64_MAX, .leave = g, .up = UINT64_MAX, .down = i};
  return m;
}

START_TEST(state_round_trip)
{
  monitor_state m = busy();
  monitor_state back;
  char text[STATE_TEXT];

  state_text(text, &m);
  ck_assert_int_eq(text[STATE_TEXT - 1], '\n');
  state_parse(&back, text, sizeof text);
  ck_assert_mem_eq(&back, &m, sizeof m);
  ck_assert_int_eq(state_read(&back, "run/overload"), -1);
  ck_assert_int_eq(errno, ENOENT);
  ck_assert_int_eq(state_write(&m, "run/overload"), 0);
  ck_assert_int_eq(state_read(&back, "run/overload"), 0);
  ck_assert_mem_eq(&back, &m, sizeof m);
  ck_assert(state_fresh(&m, m.time + 10) && !state_fresh(&m, m.time + 11) && !state_fresh(&m, m.time - 11));
}
END_TEST

START_TEST(state_of_nonsense)
{
  static char const text[] =
      "\n\nraised\nraised 1\nraised 3 backlog\nraised 0 load\nraised 1 nothing\nreading\n"
      "reading x 1\nthreshold\nthreshold backlog\nthreshold backlog 0 1\nlevel 99\nmode odd\n"
      "time 99999999999999999999999\nreason";
  monitor_state m;

  state_parse(&m, text, sizeof text - 1);
  ck_assert_uint_eq(m.level, LEVELS);
  ck_assert_uint_eq(m.time, 0);
  ck_assert_uint_eq(m.raised[0], 0);
  ck_assert_uint_eq(m.raised[1], 1u << GAUGE_BACKLOG);
  ck_assert_int_eq(m.mode, MODE_AUTO);
}
END_TEST

START_TEST(hold_round_trip)
{
  hold h = {.kind = HOLD_ON, .level = 2, .since = 5, .until = 10, .by = "joe", .reason = "a b  c"};
  hold back;

  ck_assert_int_eq(hold_read(&back, "run/overload"), 0);
  ck_assert_int_eq(back.kind, HOLD_AUTO);
  ck_assert_int_eq(hold_write(&h, "run/overload"), 0);
  ck_assert_int_eq(hold_read(&back, "run/overload"), 0);
  ck_assert(back.kind == HOLD_ON && back.level == 2 && back.since == 5 && back.until == 10);
  ck_assert_str_eq(back.by, "joe");
  ck_assert_str_eq(back.reason, "a b  c");
  ck_assert(!hold_expired(&back, 9) && hold_expired(&back, 10));
  ck_assert(hold_equal(&h, &back));
  h.kind = HOLD_OFF;
  ck_assert(!hold_equal(&h, &back));
  ck_assert_int_eq(hold_write(&h, "run/overload"), 0);
  ck_assert_int_eq(hold_remove(&back, "run/overload"), 0); /* another's by now */
  ck_assert_int_eq(hold_read(&back, "run/overload"), 0);
  ck_assert(back.kind == HOLD_OFF && back.level == 0);
  ck_assert_int_eq(hold_remove(&back, "run/overload"), 0);
  ck_assert_int_eq(hold_remove(&back, "run/overload"), 0);
  ck_assert(!exists("run/overload/hold"));
  ck_assert_int_eq(hold_write(&h, "run/overload"), 0);
  h.kind = HOLD_AUTO;
  ck_assert_int_eq(hold_write(&h, "run/overload"), 0);
  ck_assert_int_eq(hold_write(&h, "run/overload"), 0);
  ck_assert(!exists("run/overload/hold"));
  hold_parse(&back, "on fire\n", 8);
  ck_assert_int_eq(back.kind, HOLD_AUTO);
  hold_parse(&back, "on", 2);
  ck_assert(back.kind == HOLD_ON && back.level == 1 && !back.until);
}
END_TEST

static flag_fields facts(unsigned int level, int held)
{
  static sample x;
  flag_fields f = {.level = level,
                   .held = held,
                   .lifetime = 10,
                   .since = 100,
                   .until = 0,
                   .reason = "x",
                   .x = &x,
                   .asked = ~0u};
  for (gauge_number g = 0; g < GAUGES; g++)
    x.of[g] = (reading){.value = UINT64_MAX, .state = READING_KNOWN, .more = 1};
  return f;
}

static overload seen(char const *path)
{
  overload o;
  ck_assert_int_ge(overload_read(&o, path, (uint64_t)time(0)), 0);
  return o;
}

START_TEST(flag_comes_and_goes)
{
  flag_fields f = facts(1, 0);
  char reason[2000];

  ck_assert_int_eq(flag_drop("run/overload"), 0);
  ck_assert_int_eq(flag_prepare("run/overload"), 0);
  ck_assert_int_eq(flag_raise("run/overload", &f), 0);
  ck_assert_int_eq(seen("run/overload/flag").maker, OVERLOAD_MONITOR);
  ck_assert(!exists("run/overload/.flag"));
  f = facts(2, 1);
  memset(reason, 'r', sizeof reason - 1);
  reason[sizeof reason - 1] = 0;
  f.reason = reason;
  f.until = UINT64_MAX / 2;
  ck_assert_int_eq(flag_raise("run/overload", &f), 0);
  ck_assert_int_eq(seen("run/overload/flag").maker, OVERLOAD_HELD);
  ck_assert_uint_eq(seen("run/overload/flag").level, 2);
  ck_assert_int_eq(flag_drop("run/overload"), 0);
  ck_assert(!exists("run/overload/flag") && exists("run/overload/.flag"));
}
END_TEST

/* The flag must rise on a full disk, and never replace one that a person made just then. */
START_TEST(flag_in_odd_places)
{
  flag_fields f = facts(1, 0);

  unlink("run/overload/.flag");
  ck_assert_int_eq(symlink("/nowhere/at/all", "run/overload/.flag"), 0);
  ck_assert_int_eq(flag_prepare("run/overload"), 0);
  ck_assert_int_eq(flag_raise("run/overload", &f), 0);
  ck_assert_int_eq(flag_drop("run/overload"), 0);
  ck_assert_int_eq(symlink("../../control/me", "run/overload/flag"), 0);
  ck_assert_int_eq(flag_raise("run/overload", &f), 0);
  ck_assert(!exists("control/me"));
  ck_assert_int_eq(seen("run/overload/flag").maker, OVERLOAD_MONITOR);
  ck_assert_int_eq(flag_drop("run/overload"), 0);
}
END_TEST

/* Whether the flag was removed from its directory since watched began: inotify(7) tells no lookups, only changes. */
static int was_removed(int watched)
{
  char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
  ssize_t n = read(watched, buf, sizeof buf);

  for (ssize_t i = 0; i < n;)
  {
    struct inotify_event const *e = (struct inotify_event const *)(buf + i);
    if (!strcmp(e->name, "flag")) return 1;
    i += (ssize_t)(sizeof *e + e->len);
  }
  return 0;
}

/*
 * The flag of root's `mailctl overload on` becomes the monitor's, which is another user: there is one at every
 * moment. And one that a person made just then stays as it is.
 */
START_TEST(flag_of_another_user)
{
  flag_fields const f = facts(2, 1);
  int watched = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  char text[FLAG_TEXT];
  struct stat st;

  flag_text(text, &f);
  ck_assert_int_eq(place_replace("run/overload", "flag", text, sizeof text), 0);
  ck_assert(!chmod("run/overload/flag", 0444) && !chmod("run/overload", 0777));
  if (!getuid()) ck_assert(!setgid(65534) && !setuid(65534));
  ck_assert_int_ge(inotify_add_watch(watched, "run/overload", IN_DELETE), 0);
  ck_assert_int_eq(flag_raise("run/overload", &f), 0);
  ck_assert(!was_removed(watched));
  ck_assert(!stat("run/overload/flag", &st) && (st.st_mode & 0777) == 0644 && st.st_uid == getuid());
  ck_assert_int_eq(seen("run/overload/flag").level, 2);

  ck_assert_int_eq(unlink("run/overload/flag"), 0);
  touch("run/overload/flag");
  ck_assert_int_eq(chmod("run/overload/flag", 0444), 0);
  ck_assert_int_eq(flag_raise("run/overload", &f), 0);
  ck_assert_int_eq(seen("run/overload/flag").maker, OVERLOAD_HAND);
  ck_assert(!stat("run/overload/flag", &st) && (st.st_mode & 0777) == 0444);
  ck_assert_int_eq(unlink("run/overload/flag"), 0);
  fd_close(watched);
}
END_TEST

START_TEST(links)
{
  char run[64];
  char control[64];

  snprintf(run, sizeof run, "%s/run", unit_directory);
  snprintf(control, sizeof control, "%s/control", unit_directory);
  ck_assert_int_eq(overload_link(control, run, 0), 2);
  ck_assert(!exists("control/overloaded"));
  touch("run/overload/flag");
  ck_assert_int_eq(overload_link(control, run, 1), 0);
  ck_assert(exists("control/overloaded") && !exists("run/overload/flag"));
  touch("control/overloaded");
  ck_assert(exists("run/overload/flag"));
  ck_assert_int_eq(overload_link(control, run, 1), 0);
  ck_assert(exists("run/overload/flag"));
  ck_assert_int_eq(unlink("control/overloaded"), 0);
  ck_assert_int_eq(symlink("elsewhere", "control/overloaded"), 0);
  ck_assert_int_eq(overload_link(control, run, 0), 2);
  ck_assert_int_eq(overload_link(control, run, 1), 0);
  ck_assert_int_eq(overload_link(control, run, 0), 0);
  ck_assert_int_eq(unlink("control/overloaded"), 0);
  touch("control/overloaded");
  ck_assert_int_eq(overload_link(control, run, 1), 1);
  ck_assert_int_eq(overload_link("absent", run, 1), -1);
  ck_assert(!unlink("control/overloaded") && !unlink("run/overload/flag"));
}
END_TEST

START_TEST(history_round_trip)
{
  history_point slot = HISTORY_POINT_ZERO;
  history_point p = HISTORY_POINT_ZERO;
  history_point got[12];
  uint64_t const now = 1800000003;
  int fd = history_open("run/overload");

  ck_assert_int_ge(fd, 0);
  for (uint64_t t = now - 60; t <= now; t++)
  {
    p.time = t - t % HISTORY_STEP;
    p.backlog = (uint32_t)(t - now + 100);
    p.level = t == now - 30;
    ck_assert_int_eq(history_add(fd, &slot, &p), 0);
  }
  p.time = now + 3600 - (now + 3600) % HISTORY_STEP; /* a clock that jumped, and came back */
  p.backlog = 999999;
  ck_assert_int_eq(history_add(fd, &slot, &p), 0);
  ck_assert_int_eq(history_read("run/overload", now, got, 12, HISTORY_STEP), 0);
  ck_assert_uint_eq(got[11].time, 1800000000);
  ck_assert_uint_eq(got[11].backlog, 100);
  ck_assert_uint_eq(got[10].backlog, 96);
  ck_assert_uint_eq(got[0].backlog, 46);
  ck_assert_uint_eq(got[5].level, 1);
  ck_assert_uint_eq(got[6].level, 0);
  ck_assert_int_eq(history_read("run/overload", now, got, 12, 60), 0);
  ck_assert_uint_eq(got[11].backlog, 100);
  ck_assert_uint_eq(got[9].time, 0);
  ck_assert_int_eq(history_read("run/overload", now + 21600 + 10, got, 12, HISTORY_STEP), 0);
  ck_assert_uint_eq(got[11].time, 0);
  fd_close(fd);
  /* The next writer goes on in the slot that the last one left. */
  fd = history_open("run/overload");
  slot = (history_point)HISTORY_POINT_ZERO;
  p = (history_point){.time = 1800000000, .backlog = 7};
  ck_assert_int_eq(history_add(fd, &slot, &p), 0);
  ck_assert_uint_eq(slot.backlog, 100);
  fd_close(fd);
}
END_TEST

START_TEST(history_packs)
{
  history_point p = {.time = UINT64_MAX,
                     .backlog = 1,
                     .oldest = UINT32_MAX,
                     .load = 7,
                     .pressure = 255,
                     .level = 2,
                     .bits = 7};
  history_point back = HISTORY_POINT_ZERO;
  char s[HISTORY_RECORD];

  history_pack(s, &p);
  history_unpack(s, &back);
  ck_assert(back.time == p.time && back.backlog == 1 && back.oldest == p.oldest && back.load == 7);
  ck_assert(back.pressure == 255 && back.level == 2 && back.bits == 7);
}
END_TEST

static struct
{
  char const *text;
  int fine;
} const thresholds[] = {
    {"backlog:1:100:50", 1},
    {"backlog:2:100:50:0:0", 1},
    {"free-bytes:1:1000:2000:5:6", 1},
    {"backlog", 0},
    {"backlog:", 0},
    {"backlog:1", 0},
    {"backlog:1:2", 0},
    {"backlog:1:2:3:4", 0},
    {"backlog:1:2:3:4:5:6", 0},
    {"backlog:0:100:50", 0},
    {"backlog:3:100:50", 0},
    {"backlog:1:x:50", 0},
    {"backlog:1:100:50:", 0},
    {"back:1:100:50", 0},
    {"", 0},
};

START_TEST(threshold_texts)
{
  rules r;

  memset(&r, 0, sizeof r);
  ck_assert_msg((options_threshold(&r, thresholds[_i].text) == 0) == thresholds[_i].fine, "%s",
                thresholds[_i].text);
  ck_assert_int_eq(rules_used(&r) != 0, thresholds[_i].fine);
}
END_TEST

START_TEST(proc_texts)
{
  ck_assert_int_eq(measure_load("1.50 0.10 0.05 1/200 3", 1), 150);
  ck_assert_int_eq(measure_load("1.50 0.10", 2), 75);
  ck_assert_int_eq(measure_load("1.5 0.10", 2), -1);
  ck_assert_int_eq(measure_load("", 2), -1);
  ck_assert_int_eq(measure_load("x", 2), -1);
  ck_assert_int_eq(measure_pressure("some avg10=4.16 avg60=0.99 avg300=1.07 total=23096374\n"), 4);
  ck_assert_int_eq(measure_pressure("some avg10=100.00 avg60"), 100);
  ck_assert_int_eq(measure_pressure("full avg10=1.00"), -1);
  ck_assert_int_eq(measure_pressure("some avg10="), -1);
  ck_assert_uint_eq(measure_limit(100), 400);
  ck_assert_uint_eq(measure_limit(0), 400);
  ck_assert_uint_eq(measure_limit(100000), 110000);
  ck_assert_uint_eq(measure_limit(UINT64_MAX), UINT64_MAX);
}
END_TEST

static int bad[2];

/* As the monitor does it, without its processes. */
static void take(measure const *m, sample *x, uint64_t now)
{
  queue_look looks[2];

  for (size_t i = 0; i < m->n; i++) measure_queue(m, i, &looks[i]), bad[i] = looks[i].wrong;
  measure_take(m, looks, x, now);
}

START_TEST(measures)
{
  measure m = {.queues = {"run", "absent"}, .n = 1, .asked = ~0u, .limit = 2, .ages = 100, .cpus = 1};
  uint64_t now = (uint64_t)time(0);
  sample x;

  touch("run/a");
  take(&m, &x, now + 30);
  ck_assert(x.of[GAUGE_BACKLOG].state == READING_KNOWN && x.of[GAUGE_BACKLOG].value == 1 &&
            !x.of[GAUGE_BACKLOG].more);
  ck_assert(x.of[GAUGE_OLDEST].value >= 29 && x.of[GAUGE_OLDEST].value <= 31);
  ck_assert_int_eq(x.of[GAUGE_FREE_BYTES].state, READING_KNOWN);
  m.n = 2;
  take(&m, &x, now);
  ck_assert(x.of[GAUGE_BACKLOG].state == READING_UNKNOWN && x.of[GAUGE_OLDEST].state == READING_UNKNOWN);
  ck_assert(bad[1] == ENOENT && !bad[0]);
  /* What can be read is enough for a level by itself: that much is known. */
  touch("run/b");
  touch("run/c");
  m.queues[0] = "absent", m.queues[1] = "run";
  take(&m, &x, now);
  ck_assert(x.of[GAUGE_BACKLOG].state == READING_UNKNOWN);
  m.enough[0] = 2;
  take(&m, &x, now);
  ck_assert(x.of[GAUGE_BACKLOG].state == READING_KNOWN && x.of[GAUGE_BACKLOG].value == 2 &&
            x.of[GAUGE_BACKLOG].more && x.of[GAUGE_BACKLOG].bound);
}
END_TEST

static struct
{
  gauge_number g;
  key_type type;
  char const *text;
  uint64_t got[6]; /* enter, leave, severe enter, severe leave, up, down; all 0: refused */
} const specs[] = {
    {GAUGE_LOAD, KEY_COUNT, "200", {200, 100, 0, 0, 7, 8}},
    {GAUGE_LOAD, KEY_COUNT, "200, 150", {200, 150, 0, 0, 7, 8}},
    {GAUGE_LOAD, KEY_COUNT, "200 severe 400", {200, 100, 400, 200, 7, 8}},
    {GAUGE_LOAD, KEY_COUNT, "200 150 severe 400 300 dwell 1s 2m", {200, 150, 400, 300, 1000, 120000}},
    {GAUGE_LOAD, KEY_COUNT, "200 dwell 1 2 severe 300", {200, 100, 300, 150, 1000, 2000}},
    {GAUGE_FREE_BYTES, KEY_SIZE, "1K", {1024, 2048, 0, 0, 7, 8}},
    {GAUGE_FREE_BYTES, KEY_SIZE, "2K 3K severe 1K", {2048, 3072, 1024, 2048, 7, 8}},
    {GAUGE_OLDEST, KEY_TIME, "1h 10m", {3600, 600, 0, 0, 7, 8}},
    {GAUGE_LOAD, KEY_COUNT, "", {0}},
    {GAUGE_LOAD, KEY_COUNT, "x", {0}},
    {GAUGE_LOAD, KEY_COUNT, "100 200", {0}},
    {GAUGE_LOAD, KEY_COUNT, "100 50 25", {0}},
    {GAUGE_LOAD, KEY_COUNT, "100 severe", {0}},
    {GAUGE_LOAD, KEY_COUNT, "100 severe 90", {0}},
    {GAUGE_LOAD, KEY_COUNT, "100 severe 200 severe 300", {0}},
    {GAUGE_LOAD, KEY_COUNT, "100 dwell 1s", {0}},
    {GAUGE_LOAD, KEY_COUNT, "100 dwell", {0}},
    {GAUGE_LOAD, KEY_COUNT, "100 1234567890123456789012345678901234567890123456789", {0}},
    {GAUGE_FREE_BYTES, KEY_SIZE, "2K 1K", {0}},
    {GAUGE_FREE_BYTES, KEY_SIZE, "2K severe 3K", {0}},
};

START_TEST(signal_specs)
{
  threshold t[LEVELS] = {{.up = 7, .down = 8}, {.up = 7, .down = 8}};
  uint64_t const *got = specs[_i].got;
  char const *wrong = spec_parse(t, specs[_i].g, specs[_i].type, specs[_i].text);

  ck_assert_msg((wrong != 0) == !got[0], "%s: %s", specs[_i].text, wrong ? wrong : "taken");
  if (!got[0]) return;
  ck_assert(t[0].used && t[0].enter == got[0] && t[0].leave == got[1] && t[0].up == got[4] &&
            t[0].down == got[5]);
  ck_assert_int_eq(t[1].used, got[2] != 0);
  if (got[2])
    ck_assert(t[1].enter == got[2] && t[1].leave == got[3] && t[1].up == got[4] && t[1].down == got[5]);
}
END_TEST

START_TEST(hooks_follow)
{
  ck_assert_uint_eq(hook_next(0, 2), 1);
  ck_assert_uint_eq(hook_next(1, 2), 2);
  ck_assert_uint_eq(hook_next(2, 0), 1);
  ck_assert_uint_eq(hook_next(1, 1), 1);
}
END_TEST

/* Who decides: a flag made by hand, then a hold, then what is measured. */
START_TEST(decides)
{
  monitor_state m;
  machine up = MACHINE_ZERO;
  overload none = OVERLOAD_ZERO;
  overload hand = {.level = 1, .stated = 1, .maker = OVERLOAD_HAND};
  hold no = HOLD_ZERO;
  hold on = {.kind = HOLD_ON, .level = 2, .until = 500, .by = "joe"};
  hold off = {.kind = HOLD_OFF, .reason = "a test"};
  char text[ACT_TEXT];

  memset(&m, 0, sizeof m);
  m.r.at[0][GAUGE_BACKLOG] = (threshold){.used = 1, .enter = 100, .leave = 50};
  m.x.of[GAUGE_BACKLOG] = (reading){.value = 153, .state = READING_KNOWN};
  ck_assert_int_eq(act_decide(&m, &up, &no, &none, 10), 0);
  up.at[0][GAUGE_BACKLOG].raised = 1;
  up.level = 1;
  ck_assert_int_eq(act_decide(&m, &up, &no, &none, 20), 1);
  ck_assert(m.level == 1 && m.since == 20 && m.mode == MODE_AUTO);
  act_text(text, 0, &m, 1u << GAUGE_BACKLOG);
  ck_assert_str_eq(text, "level 0 -> 1, auto: backlog 153 (enters at 100); backlog 153");
  ck_assert_int_eq(act_decide(&m, &up, &no, &none, 21), 0);
  ck_assert_int_eq(act_decide(&m, &up, &on, &none, 30), 1);
  ck_assert(m.level == 2 && m.since == 30 && m.until == 500 && m.measured == 1);
  ck_assert_str_eq(m.reason, "held on by joe");
  ck_assert_int_eq(act_decide(&m, &up, &off, &none, 40), 1);
  ck_assert(m.level == 0 && m.mode == MODE_OFF && !m.until);
  ck_assert_str_eq(m.reason, "a test");
  ck_assert_int_eq(act_decide(&m, &up, &off, &hand, 50), 1);
  ck_assert(m.level == 1 && m.mode == MODE_HAND);
  ck_assert_int_eq(act_decide(&m, &up, &no, &none, 60), 1);
  ck_assert(m.level == 1 && m.since == 50 && m.mode == MODE_AUTO);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("monitor");
  TCase *t = tcase_create("monitor");

  unit_in_directory(t);
  tcase_add_unchecked_fixture(t, make_directories, 0);
  tcase_add_test(t, state_round_trip);
  tcase_add_test(t, state_of_nonsense);
  tcase_add_test(t, hold_round_trip);
  tcase_add_test(t, flag_comes_and_goes);
  tcase_add_test(t, flag_in_odd_places);
  tcase_add_test(t, flag_of_another_user);
  tcase_add_test(t, links);
  tcase_add_test(t, history_round_trip);
  tcase_add_test(t, history_packs);
  tcase_add_loop_test(t, threshold_texts, 0, sizeof thresholds / sizeof thresholds[0]);
  tcase_add_loop_test(t, signal_specs, 0, sizeof specs / sizeof specs[0]);
  tcase_add_test(t, proc_texts);
  tcase_add_test(t, measures);
  tcase_add_test(t, hooks_follow);
  tcase_add_test(t, decides);
  suite_add_tcase(s, t);
  return unit_run(s);
}
