#include <stdlib.h>
#include <string.h>

#include <services/rater/bucket.h>

#include "unit.h"

#define TRACE 250

/* libcheck writes to a pipe for every assertion that holds, too dear for the inner loops */
#define must(what, ...)                                                                                      \
  do                                                                                                         \
    if (!(what)) ck_abort_msg(__VA_ARGS__);                                                                  \
  while (0)

/* xorshift64: the same traces every time */
static uint64_t state;
static uint64_t rnd(uint64_t n)
{
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state % n;
}

typedef struct event_s event;
struct event_s
{
  uint64_t t;
  uint64_t quantity;
  int admitted;
};

static limit random_limit(void)
{
  static uint32_t const periods[] = {1, 7, 100, 1000, 60000, 3600000, 4294967000u};
  limit l = {.count = 1 + rnd(rnd(2) ? 5 : 1000), .period = periods[rnd(7)]};
  l.burst = rnd(2) ? l.count : 1 + rnd(2 * l.count);
  if (!rnd(3)) l.flags = LIMIT_STRICT;
  if (!rnd(4)) l.penalty = 1 + (uint32_t)rnd(20);
  if (!rnd(4)) l.delay = (uint32_t)rnd(20000);
  return l;
}

/* What the manual promises, checked over every window of the log: burst + COUNT * (W + delay) / PERIOD. */
static void check_guarantee(event const *log, unsigned int n, limit const *l)
{
  for (unsigned int i = 0; i < n; i++)
  {
    unsigned __int128 sum = 0;
    for (unsigned int j = i; j < n; j++)
    {
      if (log[j].admitted) sum += log[j].quantity;
      must(sum * l->period <= (unsigned __int128)l->burst * l->period +
                                  (unsigned __int128)l->count * (log[j].t - log[i].t + l->delay),
           "more than the guarantee between %llu and %llu", (unsigned long long)log[i].t,
           (unsigned long long)log[j].t);
    }
  }
}

/*
 * The model: the level recomputed from the whole log each time, exactly, as a fraction over the period.
 * It knows no bucket, only what happened.
 */
static int model_admits(event const *log, unsigned int n, limit const *l, uint64_t t, uint64_t quantity)
{
  unsigned __int128 level = 0;
  uint64_t last = 0;

  for (unsigned int i = 0; i < n; i++)
  {
    unsigned __int128 gone = (unsigned __int128)l->count * (log[i].t - last);
    level = level > gone ? level - gone : 0;
    last = log[i].t;
    if (log[i].admitted) level += (unsigned __int128)log[i].quantity * l->period;
  }
  level =
      level > (unsigned __int128)l->count * (t - last) ? level - (unsigned __int128)l->count * (t - last) : 0;
  return level + (unsigned __int128)quantity * l->period <=
         (unsigned __int128)l->burst * l->period + (unsigned __int128)l->count * l->delay;
}

static unsigned int run_trace(void)
{
  event log[TRACE];
  bucket b = BUCKET_ZERO;
  limit l = random_limit();
  uint64_t t = 1 + rnd(1000000);
  unsigned int admitted = 0;

  for (unsigned int i = 0; i < TRACE; i++)
  {
    verdict v;
    uint64_t gap = l.period / l.count;
    t += rnd(4) ? rnd(gap + 2) : rnd(3) ? 0 : rnd(3ull * l.period);
    log[i] = (event){.t = t, .quantity = rnd(3) ? 1 : 1 + rnd(l.burst + 2)};
    bucket_step(&b, &l, t, log[i].quantity, &v);
    log[i].admitted = !v.refused;
    admitted += !v.refused;
    if (!(l.flags & LIMIT_STRICT) && !l.penalty)
      must(log[i].admitted == model_admits(log, i, &l, t, log[i].quantity), "other than the model, event %u",
           i);
    must(b.level <= (l.burst + l.count - 1) * l.period + l.count * l.delay, "overfull, event %u", i);
  }
  check_guarantee(log, TRACE, &l);
  return admitted;
}

START_TEST(guarantee)
{
  unsigned int admitted = 0;

  state = 88172645463325252ull + (uint64_t)_i * 7919;
  for (unsigned int i = 0; i < 30; i++) admitted += run_trace();
  ck_assert_uint_gt(admitted, TRACE);
}
END_TEST

/* The retry time is right to the second: not a second earlier, and then indeed. */
START_TEST(retry)
{
  bucket b = BUCKET_ZERO;
  limit l;
  uint64_t t = 5000;
  verdict v;

  state = 1234567 + (uint64_t)_i * 104729;
  l = random_limit();
  l.flags = 0;
  for (unsigned int i = 0; i < 200; i++)
  {
    uint64_t q = 1 + rnd(l.burst);
    bucket_step(&b, &l, t, q, &v);
    if (v.refused)
    {
      bucket c = b;
      verdict w;
      must(v.retry > 0, "refused for %u s", v.retry);
      bucket_step(&c, &l, t + v.retry * 1000ull, q, &w);
      must(!w.refused, "refused %llu after %u s", (unsigned long long)q, v.retry);
      c = b;
      bucket_step(&c, &l, t + (v.retry - 1) * 1000ull, q, &w);
      must(w.refused, "admitted %llu a second early", (unsigned long long)q);
    }
    t += rnd(l.period / l.count + 2);
  }
}
END_TEST

/* What is put off by the hint comes as the limit without delay would admit it, give or take the second that is rounded. */
START_TEST(put_off)
{
  state = 4711 + (uint64_t)_i * 104729;
  limit l = {.count = 1 + rnd(50), .period = 60000, .delay = 1 + (uint32_t)rnd(60000)}, hard;
  bucket b = BUCKET_ZERO, c = BUCKET_ZERO;
  uint64_t t = 1000, last = 0;
  unsigned int hints = 0;
  verdict v;

  l.burst = 1 + rnd(2 * l.count);
  hard = l;
  hard.delay = 0;
  hard.burst += 1 + l.count / 60;
  for (unsigned int i = 0; i < 300; i++)
  {
    bucket_step(&b, &l, t, 1, &v);
    if (!v.refused)
    {
      uint64_t when = t + v.delay * 1000ull;
      must(v.delay * 1000ull < l.delay + 1000ull, "put off by %u s", v.delay);
      hints += v.delay > 0;
      if (when < last) when = last; /* rounded up to a second, the hints may change the order */
      last = when;
      bucket_step(&c, &hard, when, 1, &v);
      must(!v.refused, "obeyed the hint, and too often");
    }
    t += rnd(l.period / l.count + 2);
  }
  ck_assert_uint_gt(hints, 0);
}
END_TEST

START_TEST(forgives)
{
  state = 815 + (uint64_t)_i * 104729;
  limit l = {.count = 1 + rnd(20), .period = 60000, .flags = LIMIT_FORGIVING};
  bucket b = BUCKET_ZERO;
  uint64_t t = 100000, began = 0, used = 0;
  verdict v;

  l.burst = l.count;
  for (unsigned int i = 0; i < 2000; i++)
  {
    uint64_t q = 1 + rnd(3);
    if (t - began >= l.period) began = t, used = 0;
    bucket_step(&b, &l, t, q, &v);
    must(v.refused == (used + q > l.count), "event %u", i);
    if (v.refused && q <= l.count) must(v.retry == (began + l.period - t + 999) / 1000, "retry %u", v.retry);
    if (v.refused && q > l.count) must(v.retry == VERDICT_NEVER, "retry %u", v.retry);
    if (!v.refused) used += q;
    if (!used) began = 0; /* a refusal begins nothing */
    must(b.until * 1000ull >= t || !used, "forgotten early");
    t += rnd(l.period / 8);
  }
}
END_TEST

static int ask(bucket *b, limit const *l, uint64_t t, uint64_t q)
{
  verdict v;
  bucket_step(b, l, t, q, &v);
  return !v.refused;
}

START_TEST(burst_then_rate)
{
  limit l = {.count = 3, .period = 3000, .burst = 3};
  bucket b = BUCKET_ZERO;
  verdict v;

  for (unsigned int i = 1; i <= 3; i++)
  {
    bucket_step(&b, &l, 10000, 1, &v);
    ck_assert(!v.refused);
    ck_assert_uint_eq(v.n, i);
  }
  bucket_step(&b, &l, 10000, 1, &v);
  ck_assert(v.refused);
  ck_assert_uint_eq(v.n, 4);
  ck_assert_uint_eq(v.retry, 1);
  ck_assert(!ask(&b, &l, 10999, 1));
  ck_assert(ask(&b, &l, 11000, 1));
  ck_assert(!ask(&b, &l, 11000, 1));
}
END_TEST

/* The original's fault: attempts over the limit extended the penalty for ever. */
START_TEST(strict_is_bounded)
{
  limit l = {.count = 10, .period = 60000, .burst = 10, .flags = LIMIT_STRICT};
  bucket b = BUCKET_ZERO;

  for (unsigned int i = 0; i < 100000; i++) ask(&b, &l, 1000, 1);
  ck_assert(!ask(&b, &l, 1000 + 59999, 1));
  b = (bucket)BUCKET_ZERO;
  for (unsigned int i = 0; i < 100000; i++) ask(&b, &l, 1000, 1);
  ck_assert(ask(&b, &l, 1000 + 60000, 1));
}
END_TEST

START_TEST(leaky_forgives)
{
  limit l = {.count = 10, .period = 60000, .burst = 10};
  bucket b = BUCKET_ZERO;

  for (unsigned int i = 0; i < 100000; i++) ask(&b, &l, 1000, 1);
  ck_assert(ask(&b, &l, 1000 + 6000, 1));
  ck_assert(!ask(&b, &l, 1000 + 6000, 1));
}
END_TEST

START_TEST(penalty)
{
  limit l = {.count = 1, .period = 1000, .burst = 1, .penalty = 60};
  bucket b = BUCKET_ZERO;
  verdict v;

  ck_assert(ask(&b, &l, 1000, 1));
  bucket_step(&b, &l, 1000, 1, &v);
  ck_assert(v.refused);
  ck_assert_uint_eq(v.retry, 60);
  ck_assert(!ask(&b, &l, 60999, 1));
  ck_assert(ask(&b, &l, 61000, 1));
  /* a penalty that is no longer in the rules ends, a shorter one is shortened */
  ck_assert(!ask(&b, &l, 61000, 1));
  l.penalty = 5;
  ck_assert(!ask(&b, &l, 65000, 1));
  ck_assert(ask(&b, &l, 71000, 1));
  ck_assert(!ask(&b, &l, 71000, 1));
  l.penalty = 0;
  ck_assert(ask(&b, &l, 72000, 1));
}
END_TEST

/* Looked at alone, a penalty that became shorter ends as well. */
START_TEST(penalty_shortened)
{
  limit l = {.count = 1, .period = 1000, .burst = 1, .penalty = 3600};
  bucket b = BUCKET_ZERO;
  verdict v;

  ck_assert(ask(&b, &l, 1000, 1));
  ck_assert(!ask(&b, &l, 1000, 1));
  l.penalty = 10;
  bucket_peek(&b, &l, 5000, &v);
  ck_assert(v.refused && v.retry == 10);
  bucket_peek(&b, &l, 14000, &v);
  ck_assert(v.refused && v.retry == 1);
  bucket_peek(&b, &l, 15000, &v);
  ck_assert(!v.refused);
}
END_TEST

START_TEST(taken_back)
{
  limit l = {.count = 2, .period = 60000, .burst = 2, .penalty = 60};
  bucket b = BUCKET_ZERO;

  ck_assert(ask(&b, &l, 1000, 2));
  bucket_undo(&b, &l, 1000, 1);
  ck_assert(ask(&b, &l, 1000, 1));
  bucket_undo(&b, &l, 1000, UINT64_MAX);
  ck_assert_uint_eq(b.level, 0);
  ck_assert_uint_eq(b.until, 1);
  ck_assert(ask(&b, &l, 1000, 2));
  ck_assert(!ask(&b, &l, 1000, 1));
  bucket_undo(&b, &l, 1000, 2); /* the penalty stays */
  ck_assert(!ask(&b, &l, 60999, 1));
  ck_assert(ask(&b, &l, 61000, 1));
}
END_TEST

START_TEST(counts_survive_a_change)
{
  limit hour = {.count = 100, .period = 3600000, .burst = 100};
  limit day = {.count = 200, .period = 86400000, .burst = 200};
  bucket b = BUCKET_ZERO;
  verdict v;

  ck_assert(ask(&b, &hour, 1000, 40));
  bucket_step(&b, &day, 1000, 1, &v);
  ck_assert_uint_eq(v.n, 41);
  bucket_step(&b, &hour, 1000, 1, &v);
  ck_assert_uint_eq(v.n, 42);
  hour.burst = hour.count = 10;
  bucket_peek(&b, &hour, 1000, &v);
  ck_assert(v.refused);
}
END_TEST

START_TEST(clock_steps)
{
  limit l = {.count = 2, .period = 1000, .burst = 2};
  bucket b = BUCKET_ZERO;

  ck_assert(ask(&b, &l, 1000000, 2));
  ck_assert(!ask(&b, &l, 1, 1)); /* back: nothing drains, nothing breaks */
  ck_assert(!ask(&b, &l, 1000000, 1));
  ck_assert(!ask(&b, &l, 1000499, 1));
  ck_assert(ask(&b, &l, 1000500, 1));
  ck_assert(ask(&b, &l, UINT64_MAX / 2, 2)); /* a leap: full again, never more */
  ck_assert(!ask(&b, &l, UINT64_MAX / 2, 1));
}
END_TEST

START_TEST(saturates)
{
  limit l = {.count = (uint64_t)1 << 29, .period = LIMIT_PERIOD_MAX, .burst = (uint64_t)1 << 28};
  bucket b = BUCKET_ZERO;
  verdict v;

  bucket_step(&b, &l, 1000, UINT64_MAX, &v);
  ck_assert(v.refused);
  ck_assert_uint_eq(v.retry, VERDICT_NEVER);
  bucket_step(&b, &l, 1000, l.burst, &v);
  ck_assert(!v.refused);
  bucket_step(&b, &l, 1000, UINT64_MAX / 2, &v);
  ck_assert(v.refused);
  ck_assert_uint_eq(v.n, UINT64_MAX / 2 + l.burst); /* what was asked, not what fits into a bucket */
  b.level = UINT64_MAX;                             /* as from a damaged file */
  bucket_step(&b, &l, 1000, 1, &v);
  ck_assert(v.refused);
  ck_assert(ask(&b, &l, 1000ull + l.period, 1));
}
END_TEST

START_TEST(peek_counts_nothing)
{
  limit l = {.count = 2, .period = 1000, .burst = 2};
  bucket b = BUCKET_ZERO, before;
  verdict v;

  bucket_peek(&b, &l, 1000, &v);
  ck_assert(!v.refused && v.n == 0);
  ask(&b, &l, 1000, 2);
  before = b;
  bucket_peek(&b, &l, 1000, &v);
  ck_assert(v.refused && v.n == 2 && v.retry == 1);
  ck_assert(!memcmp(&b, &before, sizeof b));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("rater_bucket");
  TCase *t = tcase_create("bucket");

  state = 1;
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, guarantee, 0, 6);
  tcase_add_loop_test(t, retry, 0, 20);
  tcase_add_loop_test(t, put_off, 0, 20);
  tcase_add_loop_test(t, forgives, 0, 20);
  tcase_add_test(t, burst_then_rate);
  tcase_add_test(t, strict_is_bounded);
  tcase_add_test(t, leaky_forgives);
  tcase_add_test(t, penalty);
  tcase_add_test(t, penalty_shortened);
  tcase_add_test(t, taken_back);
  tcase_add_test(t, counts_survive_a_change);
  tcase_add_test(t, clock_steps);
  tcase_add_test(t, saturates);
  tcase_add_test(t, peek_counts_nothing);
  suite_add_tcase(s, t);
  return unit_run(s);
}
