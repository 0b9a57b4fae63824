#include <stdio.h>
#include <string.h>

#include <services/monitor/thresholds.h>

#include "unit.h"

/*
 * The state machine against traces: a recorded one, and random ones whose seeds are the loop's number,
 * so that a failure names the trace to repeat.
 */

#define STEPS 600
#define SEEDS 200

static rules standard(void)
{
  rules r;

  memset(&r, 0, sizeof r);
  r.at[0][GAUGE_BACKLOG] = (threshold){.used = 1, .enter = 100, .leave = 50, .up = 2000, .down = 10000};
  r.at[1][GAUGE_BACKLOG] = (threshold){.used = 1, .enter = 1000, .leave = 200, .up = 2000, .down = 10000};
  r.at[0][GAUGE_FREE_BYTES] = (threshold){.used = 1, .enter = 10, .leave = 20, .up = 1000, .down = 5000};
  return r;
}

static sample calm(void)
{
  sample x = SAMPLE_ZERO;
  x.of[GAUGE_FREE_BYTES] = (reading){.value = 1000, .state = READING_KNOWN};
  x.of[GAUGE_BACKLOG] = (reading){.value = 0, .state = READING_KNOWN};
  return x;
}

static sample backlog(uint64_t n)
{
  sample x = calm();
  x.of[GAUGE_BACKLOG].value = n;
  return x;
}

static sample unknown(void)
{
  sample x = calm();
  x.of[GAUGE_BACKLOG] = (reading){.value = 0, .state = READING_UNKNOWN};
  return x;
}

static unsigned int step(machine *m, sample x, uint64_t now)
{
  rules r = standard();
  machine_step(m, &r, &x, now);
  return m->level;
}

static machine start(sample x, unsigned int one, unsigned int two)
{
  rules r = standard();
  unsigned int before[LEVELS] = {one, two};
  machine m;
  machine_start(&m, &r, &x, before);
  return m;
}

START_TEST(rises_and_falls)
{
  machine m = start(backlog(0), 0, 0);

  ck_assert_uint_eq(step(&m, backlog(100), 1000), 0);
  ck_assert_uint_eq(step(&m, backlog(100), 2999), 0);
  ck_assert_uint_eq(step(&m, backlog(100), 3000), 1);
  ck_assert_int_eq(machine_cause(&m), GAUGE_BACKLOG);
  ck_assert_uint_eq(machine_raised(&m, 1), 1u << GAUGE_BACKLOG);
  ck_assert_uint_eq(step(&m, backlog(51), 20000), 1);
  ck_assert_uint_eq(step(&m, backlog(50), 21000), 1);
  ck_assert_uint_eq(step(&m, backlog(0), 30999), 1);
  ck_assert_uint_eq(step(&m, backlog(50), 31000), 0);
  ck_assert_int_eq(machine_cause(&m), GAUGES);
}
END_TEST

START_TEST(dances)
{
  machine m = start(backlog(0), 0, 0);

  for (uint64_t t = 0; t < 100000; t += 1000)
    ck_assert_uint_eq(step(&m, backlog(t / 1000 % 2 ? 95 : 105), t), 0);
  step(&m, backlog(105), 200000);
  ck_assert_uint_eq(step(&m, backlog(105), 203000), 1);
  for (uint64_t t = 204000; t < 304000; t += 1000)
    ck_assert_uint_eq(step(&m, backlog(t / 1000 % 5 ? 45 : 55), t), 1);
}
END_TEST

START_TEST(severe)
{
  machine m = start(backlog(5000), 0, 0);

  ck_assert_uint_eq(m.level, 2);
  ck_assert_uint_eq(step(&m, backlog(150), 0), 2);
  ck_assert_uint_eq(step(&m, backlog(150), 10000), 1);
  ck_assert_uint_eq(step(&m, backlog(10), 11000), 1);
  ck_assert_uint_eq(step(&m, backlog(10), 21000), 0);
}
END_TEST

START_TEST(small_is_bad)
{
  machine m = start(calm(), 0, 0);
  sample x = calm();

  x.of[GAUGE_FREE_BYTES].value = 10;
  step(&m, x, 0);
  ck_assert_uint_eq(step(&m, x, 1000), 1);
  ck_assert_int_eq(machine_cause(&m), GAUGE_FREE_BYTES);
  x.of[GAUGE_FREE_BYTES].value = 19;
  step(&m, x, 2000);
  ck_assert_uint_eq(step(&m, x, 9000), 1);
  x.of[GAUGE_FREE_BYTES].value = 20;
  step(&m, x, 10000);
  ck_assert_uint_eq(step(&m, x, 15000), 0);
}
END_TEST

START_TEST(unknown_is_not_zero)
{
  machine m = start(backlog(0), 0, 0);

  step(&m, backlog(100), 0);
  for (uint64_t t = 1000; t < 60000; t += 1000) ck_assert_uint_eq(step(&m, unknown(), t), 0);
  ck_assert_uint_eq(step(&m, backlog(100), 60000), 1);
  for (uint64_t t = 61000; t < 200000; t += 1000) ck_assert_uint_eq(step(&m, unknown(), t), 1);
  ck_assert_uint_eq(step(&m, backlog(0), 200000), 1);
  ck_assert_uint_eq(step(&m, backlog(0), 210000), 0);
}
END_TEST

/* What was known once keeps no level up for ever; nor does a reading now and then bring it down. */
START_TEST(unknown_for_long)
{
  machine m = start(backlog(500), 0, 0);
  rules r = standard();
  sample lost = unknown(), found = backlog(70);

  r.unknown = 60000;
  for (uint64_t t = 0; t < 60000; t += 1000) machine_step(&m, &r, &lost, t);
  ck_assert_uint_eq(m.level, 1);
  machine_step(&m, &r, &found, 60000);
  for (uint64_t t = 61000; t < 121000; t += 1000) machine_step(&m, &r, &lost, t);
  ck_assert_uint_eq(m.level, 1);
  machine_step(&m, &r, &lost, 121000);
  ck_assert_uint_eq(m.level, 0);
  /* a dwell that began before is over, too */
  found = backlog(500);
  machine_step(&m, &r, &found, 122000);
  ck_assert_uint_eq(m.level, 0);
  machine_step(&m, &r, &found, 124000);
  ck_assert_uint_eq(m.level, 1);
  /* and a clock that goes back begins anew */
  machine_step(&m, &r, &lost, 200000);
  machine_step(&m, &r, &lost, 5);
  machine_step(&m, &r, &lost, 60004);
  ck_assert_uint_eq(m.level, 1);
  machine_step(&m, &r, &lost, 60005);
  ck_assert_uint_eq(m.level, 0);
}
END_TEST

START_TEST(absent_is_down)
{
  machine m = start(backlog(500), 0, 0);
  sample x = calm();

  x.of[GAUGE_BACKLOG].state = READING_ABSENT;
  ck_assert_uint_eq(m.level, 1);
  ck_assert_uint_eq(step(&m, x, 0), 0);
  ck_assert_uint_eq(start(x, 1u << GAUGE_BACKLOG, 0).level, 0);
}
END_TEST

/* What a monitor that was killed finds when it comes back. */
START_TEST(starts)
{
  unsigned int const was = 1u << GAUGE_BACKLOG;

  ck_assert_uint_eq(start(backlog(100), 0, 0).level, 1);
  ck_assert_uint_eq(start(backlog(99), 0, 0).level, 0);
  ck_assert_uint_eq(start(backlog(99), was, 0).level, 1);
  ck_assert_uint_eq(start(backlog(50), was, 0).level, 0);
  ck_assert_uint_eq(start(backlog(500), was, was).level, 2);
  ck_assert_uint_eq(start(backlog(500), was, 0).level, 1);
  ck_assert_uint_eq(start(unknown(), was, 0).level, 1);
  ck_assert_uint_eq(start(unknown(), 0, 0).level, 0);
  ck_assert_uint_eq(start(backlog(0), 1u << GAUGE_FREE_BYTES, 0).level, 0);
}
END_TEST

START_TEST(clock_goes_back)
{
  machine m = start(backlog(0), 0, 0);

  step(&m, backlog(100), 1000000);
  ck_assert_uint_eq(step(&m, backlog(100), 5), 0);
  ck_assert_uint_eq(step(&m, backlog(100), 2004), 0);
  ck_assert_uint_eq(step(&m, backlog(100), 2005), 1);
  ck_assert_uint_eq(step(&m, backlog(0), UINT64_MAX), 1);
  ck_assert_uint_eq(step(&m, backlog(0), 0), 1);
  ck_assert_uint_eq(step(&m, backlog(0), 10000), 0);
}
END_TEST

/* todo/ of a spool under a burst of 300 messages at 50 a second, drained at 20 a second; one poll a second. */
static uint16_t const burst[] = {0,  0,  12, 63, 94, 123, 155, 181, 176, 157, 138, 116, 97, 76, 58,
                                 37, 16, 0,  0,  0,  3,   1,   0,   0,   0,   0,   0,   0,  0,  0};

START_TEST(recorded)
{
  machine m = start(backlog(burst[0]), 0, 0);

  for (unsigned int i = 0; i < sizeof burst / sizeof burst[0]; i++)
    ck_assert_msg(step(&m, backlog(burst[i]), 1000 * i) == (i >= 7 && i < 25), "level %u at %u s", m.level,
                  i);
}
END_TEST

/* --- random traces --- */

static uint64_t seed;

static uint64_t rnd(uint64_t n)
{
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return n ? seed % n : 0;
}

typedef struct trace_s trace;
struct trace_s
{
  sample x[STEPS];
  uint64_t t[STEPS];
};

/* A walk that lingers around the thresholds, with steps of 1 ms to 3 s, and unknown readings. */
static void draw(trace *r)
{
  static uint64_t const near[] = {0, 49, 50, 51, 99, 100, 101, 199, 200, 201, 999, 1000, 1001, 50000};
  uint64_t now = rnd(100000);
  uint64_t value = 0;

  for (unsigned int i = 0; i < STEPS; i++)
  {
    if (!rnd(4)) value = near[rnd(sizeof near / sizeof near[0])];
    r->x[i] = rnd(10) ? backlog(value) : unknown();
    r->x[i].of[GAUGE_FREE_BYTES].value = rnd(20) ? 1000 : rnd(25);
    r->t[i] = now += 1 + rnd(3000);
  }
}

static void run(trace const *r, unsigned int level[STEPS])
{
  machine m = start(r->x[0], 0, 0);

  level[0] = m.level;
  for (unsigned int i = 1; i < STEPS; i++) level[i] = step(&m, r->x[i], r->t[i]);
}

/* Whether the backlog was, as far as anybody knows, within [low, high] during the last dwell ms up to step i. */
static int was_within(trace const *r, unsigned int i, uint64_t dwell, uint64_t low, uint64_t high)
{
  uint64_t began = r->t[i];

  for (unsigned int j = i + 1; j-- > 0;)
  {
    reading const *b = &r->x[j].of[GAUGE_BACKLOG];
    if (b->state != READING_KNOWN) continue;
    if (b->value < low || b->value > high) break;
    began = r->t[j];
  }
  return r->t[i] - began >= dwell;
}

/* Every change of the level has the whole dwell behind it; so between a rise and a fall lies a dwell too. */
START_TEST(never_faster_than_dwell)
{
  static trace r;
  unsigned int level[STEPS];
  unsigned int last = 0;
  unsigned int changes = 0;

  seed = 0x9e3779b97f4a7c15u * (unsigned int)(_i + 1);
  draw(&r);
  for (unsigned int i = 0; i < STEPS; i++) r.x[i].of[GAUGE_FREE_BYTES].value = 1000;
  run(&r, level);
  for (unsigned int i = 1; i < STEPS; i++)
  {
    if (level[i] == level[i - 1]) continue;
    changes++;
    if (level[i] > level[i - 1])
      ck_assert(was_within(&r, i, 2000, level[i] == 2 ? 1000 : 100, UINT64_MAX));
    else
      ck_assert(was_within(&r, i, 10000, 0, level[i] == 1 ? 200 : 50));
    if (last && level[i] < level[i - 1] && level[last] > level[last - 1])
      ck_assert_uint_ge(r.t[i] - r.t[last], 10000);
    if (last && level[i] > level[i - 1] && !level[last]) ck_assert_uint_ge(r.t[i] - r.t[last], 2000);
    last = i;
  }
  ck_assert_uint_gt(changes, 0);
}
END_TEST

/* Whatever stays beyond a threshold for its dwell, as far as anybody can know, has had its effect. */
START_TEST(misses_nothing)
{
  static trace r;
  unsigned int level[STEPS];
  uint64_t above = 0, below = 0;
  int is_above = 0, is_below = 0;

  seed = 0xd1342543de82ef95u * (unsigned int)(_i + 1);
  draw(&r);
  run(&r, level);
  for (unsigned int i = 0; i < STEPS; i++)
  {
    reading const *b = &r.x[i].of[GAUGE_BACKLOG];
    int clear = b->value <= 50 && r.x[i].of[GAUGE_FREE_BYTES].value >= 20;

    if (b->state != READING_KNOWN) continue;
    if (b->value < 100)
      is_above = 0;
    else if (!is_above)
      is_above = 1, above = r.t[i];
    if (!clear)
      is_below = 0;
    else if (!is_below)
      is_below = 1, below = r.t[i];
    if (is_above && r.t[i] - above >= 2000) ck_assert_uint_ge(level[i], 1);
    if (is_below && r.t[i] - below >= 10000) ck_assert_uint_eq(level[i], 0);
  }
}
END_TEST

START_TEST(monotone)
{
  static trace mild, bad;
  unsigned int low[STEPS], high[STEPS];

  seed = 0xa0761d6478bd642fu * (unsigned int)(_i + 1);
  draw(&mild);
  bad = mild;
  for (unsigned int i = 0; i < STEPS; i++)
  {
    bad.x[i].of[GAUGE_BACKLOG].value += rnd(3) ? 0 : rnd(1200);
    if (!rnd(3)) bad.x[i].of[GAUGE_FREE_BYTES].value = rnd(bad.x[i].of[GAUGE_FREE_BYTES].value + 1);
  }
  run(&mild, low);
  run(&bad, high);
  for (unsigned int i = 0; i < STEPS; i++)
    ck_assert_msg(low[i] <= high[i], "step %u: level %u for the milder trace, %u for the worse", i, low[i],
                  high[i]);
}
END_TEST

START_TEST(bad_rules)
{
  rules r = standard();

  ck_assert_ptr_null(rules_wrong(&r));
  ck_assert_uint_eq(rules_used(&r), 1u << GAUGE_BACKLOG | 1u << GAUGE_FREE_BYTES);
  r.at[0][GAUGE_BACKLOG].leave = 101;
  ck_assert_ptr_nonnull(rules_wrong(&r));
  r = standard();
  r.at[0][GAUGE_FREE_BYTES].leave = 9;
  ck_assert_ptr_nonnull(rules_wrong(&r));
  r = standard();
  r.at[1][GAUGE_BACKLOG].enter = 99;
  r.at[1][GAUGE_BACKLOG].leave = 9;
  ck_assert_ptr_nonnull(rules_wrong(&r));
}
END_TEST

START_TEST(texts)
{
  char s[SAMPLE_TEXT];
  sample x = backlog(400);

  x.of[GAUGE_BACKLOG].more = 1;
  x.of[GAUGE_LOAD].state = READING_UNKNOWN;
  sample_text(s, &x, 1u << GAUGE_BACKLOG | 1u << GAUGE_LOAD | 1u << GAUGE_IO);
  ck_assert_str_eq(s, "backlog 400+, load unknown, pressure-io absent");
  for (gauge_number g = 0; g < GAUGES; g++)
    x.of[g] = (reading){.value = UINT64_MAX, .state = READING_KNOWN, .more = 1};
  ck_assert_uint_lt(sample_text(s, &x, ~0u), sizeof s);
  ck_assert_int_eq(gauge_find("pressure-io", 11), GAUGE_IO);
  ck_assert_int_eq(gauge_find("pressure-io", 8), GAUGES);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("thresholds");
  TCase *t = tcase_create("thresholds");

  tcase_add_test(t, rises_and_falls);
  tcase_add_test(t, dances);
  tcase_add_test(t, severe);
  tcase_add_test(t, small_is_bad);
  tcase_add_test(t, unknown_is_not_zero);
  tcase_add_test(t, unknown_for_long);
  tcase_add_test(t, absent_is_down);
  tcase_add_test(t, starts);
  tcase_add_test(t, clock_goes_back);
  tcase_add_test(t, recorded);
  tcase_add_loop_test(t, never_faster_than_dwell, 0, SEEDS);
  tcase_add_loop_test(t, misses_nothing, 0, SEEDS);
  tcase_add_loop_test(t, monotone, 0, SEEDS);
  tcase_add_test(t, bad_rules);
  tcase_add_test(t, texts);
  suite_add_tcase(s, t);
  return unit_run(s);
}
