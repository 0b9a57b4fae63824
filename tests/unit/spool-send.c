#include <stdio.h>
#include <string.h>

#include <runlib/envelope.h>
#include <services/spool/notes.h>
#include <services/spool/result.h>
#include <services/spool/schedule.h>

#include "unit.h"

#define SECOND UINT64_C(1000000)
#define START  (UINT64_C(1800000000) * SECOND)

/* --- the schedule -------------------------------------------------------------------------------- */

static schedule s;

static void setup(void)
{
  schedule_init(&s, 4, 3, 400 * SECOND);
}

static void teardown(void)
{
  schedule_free(&s);
}

static void add(char const *name, char const *host, uint64_t due)
{
  ck_assert_int_eq(schedule_add(&s, name, host, due), 0);
}

/* What is next, "" for nothing. */
static char const *next(uint64_t now, uint32_t *p)
{
  *p = schedule_next(&s, now);
  return *p == SCHEDULE_NONE ? "" : schedule_parcel(&s, *p)->name;
}

START_TEST(the_first_due_comes_first)
{
  uint32_t p;

  add("c", "x.test", START + 3);
  add("a", "y.test", START + 1);
  add("b", "x.test", START + 2);
  ck_assert_uint_eq(schedule_when(&s), START + 1);
  ck_assert_str_eq(next(START, &p), "");
  ck_assert_str_eq(next(START + 3, &p), "a");
  ck_assert_str_eq(next(START + 3, &p), "b");
  ck_assert_str_eq(next(START + 2, &p), "");
  ck_assert_str_eq(next(START + 3, &p), "c");
  ck_assert_uint_eq(schedule_when(&s), UINT64_MAX);
}
END_TEST

/* a message's name, of that second */
static char const *born(unsigned int second)
{
  static char name[SPOOLNAME_FMT];

  spoolname_fmt(name, &(struct timespec){.tv_sec = second}, 1, second);
  return name;
}

START_TEST(what_waits_is_told_with_the_worst_first)
{
  static char const *const hosts[] = {"a.test", "b.test", "c.test", "d.test", "e.test", "f.test", "g.test"};
  schedule_view v;
  uint32_t p;

  schedule_look(&s, &v);
  ck_assert_uint_eq(v.oldest, 0);
  ck_assert_uint_eq(v.deferred, 0);
  ck_assert_uint_eq(v.n, 0);
  for (unsigned int i = 0; i < 7; i++) /* a.test has one message, g.test seven */
    for (unsigned int k = 0; k <= i; k++) add(born(2000 + 10 * i + k), hosts[i], START);
  add(born(1000), "well.test", START + 5);
  schedule_look(&s, &v);
  ck_assert_uint_eq(v.oldest, 1000 * SECOND);
  ck_assert_uint_eq(v.deferred, 0);
  for (unsigned int i = 0; i < 7; i++)
  {
    ck_assert(*next(START, &p));
    schedule_done(&s, p, HEALTH_BAD, START, START + 100 * SECOND);
  }
  schedule_look(&s, &v);
  ck_assert_uint_eq(v.deferred, 28);
  ck_assert_uint_eq(v.n, SCHEDULE_WORST);
  for (unsigned int i = 0; i < SCHEDULE_WORST; i++)
  {
    ck_assert_str_eq(v.worst[i].host, hosts[6 - i]);
    ck_assert_uint_eq(v.worst[i].waiting, 7 - i);
    ck_assert_uint_eq(v.worst[i].failures, 1);
    ck_assert_uint_gt(v.worst[i].until, START);
  }
}
END_TEST

START_TEST(one_message_and_host_are_there_once)
{
  uint32_t p;

  add("a", "x.test", START);
  add("a", "x.test", START);
  add("a", "y.test", START);
  ck_assert_uint_eq(s.waiting, 2);
  ck_assert_str_eq(next(START, &p), "a");
  add("a", schedule_host(&s, p), START);
  ck_assert_uint_eq(s.waiting, 1);
}
END_TEST

START_TEST(there_are_limits)
{
  uint32_t p[5];
  char name[2] = "a";

  for (; name[0] < 'i'; name[0]++) add(name, "x.test", START);
  for (unsigned int i = 0; i < 3; i++) ck_assert_str_ne(next(START, p + i), "");
  ck_assert_str_eq(next(START, p + 3), ""); /* to one destination */
  add("y", "y.test", START);
  add("z", "z.test", START);
  ck_assert_str_ne(next(START, p + 3), "");
  ck_assert_str_eq(next(START, p + 4), ""); /* in all */
  ck_assert_uint_eq(schedule_when(&s), UINT64_MAX);
  schedule_done(&s, p[0], HEALTH_GOOD, START, 0);
  ck_assert_str_ne(next(START, p), "");
}
END_TEST

START_TEST(a_host_that_fails_is_left_alone)
{
  uint32_t p, q;
  uint64_t now = START;

  for (char name[2] = "a"; name[0] < 'g'; name[0]++) add(name, "x.test", START);
  for (unsigned int failures = 0; failures < 3; failures++)
  {
    ck_assert_str_ne(next(now, &p), "");
    if (failures) ck_assert_str_eq(next(now, &q), ""); /* one message tries it */
    schedule_done(&s, p, HEALTH_BAD, now, now + 400 * SECOND);
    ck_assert_uint_eq(schedule_when(&s), now + (40 << failures) * SECOND);
    now = schedule_when(&s);
  }
  ck_assert_str_ne(next(now, &p), "");
  schedule_done(&s, p, HEALTH_GOOD, now, 0);
  ck_assert_str_ne(next(now, &p), "");
  ck_assert_str_ne(next(now, &q), "");
}
END_TEST

START_TEST(hurry_is_for_all)
{
  uint32_t p;

  add("a", "x.test", START);
  add("b", "y.test", START + 900 * SECOND);
  add("c", "z.test", START + 800 * SECOND);
  (void)next(START, &p);
  schedule_done(&s, p, HEALTH_BAD, START, START + 700 * SECOND);
  schedule_hurry(&s);
  for (unsigned int i = 0; i < 3; i++) ck_assert_str_ne(next(START, &p), "");
}
END_TEST

START_TEST(what_is_forgotten_does_not_come)
{
  uint32_t p, q;

  add("a", "x.test", START);
  add("a", "y.test", START + 1);
  add("b", "y.test", START + 1);
  ck_assert_str_eq(next(START, &p), "a");
  schedule_forget(&s, "a");
  schedule_forget(&s, "b");
  add("a", "x.test", START); /* which is being tried, and is not tried twice at once */
  add("b", "y.test", START + 2);
  ck_assert_str_eq(next(START + 1, &q), "");
  schedule_done(&s, p, HEALTH_GOOD, START, START + 1);
  ck_assert_str_eq(next(START + 2, &p), "a");
  ck_assert_str_eq(next(START + 2, &q), "b");
  schedule_done(&s, p, HEALTH_GOOD, START, 0);
  schedule_done(&s, q, HEALTH_GOOD, START, 0);
  ck_assert_uint_eq(s.waiting, 0);
  ck_assert_uint_eq(genalloc_len(uint32_t, &s.order), 0);
}
END_TEST

/* Against a plain search: 20,000 steps by chance. */
START_TEST(order_holds)
{
  static uint64_t due[400];
  unsigned int seed = (unsigned int)_i + 1;

  schedule_free(&s);
  schedule_init(&s, 1000, 1000, SECOND);
  for (unsigned int i = 0; i < 20000; i++)
  {
    unsigned int k = (seed = seed * 1103515245U + 12345U) >> 8, n = k % 400;
    char name[16], host[16];
    if (k & 0x10000)
    {
      uint64_t first = UINT64_MAX;
      uint32_t p;
      for (unsigned int j = 0; j < 400; j++)
        if (due[j] && due[j] < first) first = due[j];
      p = schedule_next(&s, UINT64_MAX - 1);
      if (p == SCHEDULE_NONE)
      {
        ck_assert_uint_eq(first, UINT64_MAX);
        continue;
      }
      ck_assert_uint_eq(schedule_parcel(&s, p)->due, first);
      due[atoi(schedule_parcel(&s, p)->name)] = 0;
      schedule_done(&s, p, HEALTH_GOOD, START, 0);
      continue;
    }
    if (due[n]) continue;
    due[n] = START + (k >> 4) % 1000000U;
    snprintf(name, sizeof name, "%u", n);
    snprintf(host, sizeof host, "%u", n % 37);
    add(name, host, due[n]);
  }
}
END_TEST

START_TEST(pauses_grow)
{
  uint64_t now = START, attempts = 0, pause = 0;

  for (; now < START + 5 * 86400 * SECOND; attempts++)
  {
    uint64_t then = schedule_retry(START, now, 400 * SECOND, (uint32_t)attempts * 7919);
    ck_assert_uint_ge(then - now, 360 * SECOND);
    ck_assert_uint_ge((then - now) * 13, pause * 10); /* but for the jitter */
    pause = then - now;
    now = then;
  }
  ck_assert_uint_ge(attempts, 25);
  ck_assert_uint_le(attempts, 45);
  /* a clock that went back */
  ck_assert_uint_ge(schedule_retry(START, START - 1000 * SECOND, 400 * SECOND, 0), START - 640 * SECOND);
}
END_TEST

/* --- reports ------------------------------------------------------------------------------------- */

static struct
{
  char const *report;
  size_t len;
  char const *letters; /* for three recipients */
  health health;
} const reports[] = {
#define REPORT(s) s, sizeof s
    {REPORT("r\0h550\0r\0Kok"), "DBD", HEALTH_GOOD},
    {REPORT("r\0s\0r\0Zlost"), "OOO", HEALTH_GOOD},
    {REPORT("r\0h\0s\0Dspam"), "BBO", HEALTH_GOOD},
    {REPORT("Dno such domain"), "BBB", HEALTH_GOOD},
    {REPORT("Zno exchanger did (#4.4.1)"), "OOO", HEALTH_BAD},
    {REPORT("Zcannot be signed (#4.7.0)"), "OOO", HEALTH_UNKNOWN},
    {REPORT("Zbut\nRemote host said: 451 no"), "OOO", HEALTH_GOOD},
    {REPORT("Kall"), "DDD", HEALTH_GOOD},
    {"", 0, "OOO", HEALTH_UNKNOWN},
    {"r\0r\0r\0K", 7, "OOO", HEALTH_UNKNOWN}, /* the NUL is missing */
    {REPORT("r\0r\0Kok"), "OOO", HEALTH_UNKNOWN},
    {REPORT("r\0r\0r\0r\0Kok"), "OOO", HEALTH_UNKNOWN},
    {REPORT("r\0r\0r"), "OOO", HEALTH_UNKNOWN},
    {REPORT("\0\0\0"), "OOO", HEALTH_UNKNOWN},
    {REPORT("?\0Kok"), "OOO", HEALTH_UNKNOWN},
};

START_TEST(report_is_read)
{
  recipient_result r[3];

  ck_assert_int_eq(results_read(reports[_i].report, reports[_i].len, r, 3), reports[_i].health);
  for (unsigned int i = 0; i < 3; i++)
  {
    ck_assert_int_eq(r[i].letter, reports[_i].letters[i]);
    ck_assert_ptr_nonnull(r[i].text);
  }
}
END_TEST

static struct
{
  char const *text;
  char const *status;
} const statuses[] = {
    {"x\nRemote host said: 550 5.1.1 no", "5.1.1"},
    {"x\nRemote host said: 550-5.7.26 no\n550 5.7.26 no", "5.7.26"},
    {"x\nRemote host said: 550 no (#4.4.4)", "5.0.0"},
    {"x\nRemote host said: 550", "5.0.0"},
    {"x\nRemote host said: 450 4.2.1", "4.2.1"},
    {"no such domain (#5.1.2)\n", "5.1.2"},
    {"no (#5.1.2.3) (#x)", "5.0.0"},
    {"no (#9.1.2)", "5.0.0"},
    {"", "5.0.0"},
};

START_TEST(status_is_found)
{
  char status[STATUS_SIZE];

  result_status(status, statuses[_i].text);
  ck_assert_str_eq(status, statuses[_i].status);
}
END_TEST

START_TEST(notes_are_found)
{
  stralloc sa = STRALLOC_ZERO;
  char const *text;

  ck_assert_int_eq(note_add(&sa, 1, NOTE_DEFERRED, "a@b", "one\n2 h <a@b> forged\n"), 0);
  ck_assert_int_eq(note_add(&sa, 2, NOTE_FAILED, "x@b", "two"), 0);
  ck_assert_int_eq(note_add(&sa, 3, NOTE_DEFERRED, "a@b", "three\n"), 0);
  ck_assert(stralloc_0(&sa));
  ck_assert_uint_eq(note_find(sa.s, NOTE_DEFERRED, "a@b", &text), 5);
  ck_assert_int_eq(strncmp(text, "three\n", 6), 0);
  ck_assert_uint_eq(note_find(sa.s, NOTE_FAILED, "a@b", &text), 0);
  ck_assert_uint_eq(note_find(sa.s, NOTE_FAILED, "x@b", &text), 3);
  stralloc_free(&sa);
}
END_TEST

#define EACH(test, table) tcase_add_loop_test(t, test, 0, (int)(sizeof(table) / sizeof(table)[0]))

int main(void)
{
  Suite *suite = suite_create("spool-send");
  TCase *t = tcase_create("spool-send");

  tcase_add_checked_fixture(t, &setup, &teardown);
  tcase_add_test(t, the_first_due_comes_first);
  tcase_add_test(t, what_waits_is_told_with_the_worst_first);
  tcase_add_test(t, one_message_and_host_are_there_once);
  tcase_add_test(t, there_are_limits);
  tcase_add_test(t, a_host_that_fails_is_left_alone);
  tcase_add_test(t, hurry_is_for_all);
  tcase_add_test(t, what_is_forgotten_does_not_come);
  tcase_add_loop_test(t, order_holds, 0, 5);
  tcase_add_test(t, pauses_grow);
  EACH(report_is_read, reports);
  EACH(status_is_found, statuses);
  tcase_add_test(t, notes_are_found);
  suite_add_tcase(suite, t);
  return unit_run(suite);
}
