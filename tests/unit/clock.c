#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <runlib/clock.h>

#include "unit.h"

static int ends[2];
static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
  (void)sig;
  alarms++;
}

static void prepare(void)
{
  ck_assert_int_eq(pipe(ends), 0);
}

START_TEST(what_is_there_needs_no_time)
{
  ck_assert(clock_await(ends[0], POLLIN, 0) < 0 && errno == ETIMEDOUT);
  ck_assert_int_eq(clock_await(ends[1], POLLOUT, 0), 0);
  ck_assert_int_eq(write(ends[1], "", 1), 1);
  ck_assert_int_eq(clock_await(ends[0], POLLIN, 0), 0);
}
END_TEST

START_TEST(an_end_is_an_event)
{
  close(ends[1]);
  ck_assert_int_eq(clock_await(ends[0], POLLIN, clock_ms() + 60000), 0);
}
END_TEST

/* Neither earlier than the deadline nor, by each signal, later. */
START_TEST(signals_do_not_end_it)
{
  struct sigaction sa = {.sa_handler = &on_alarm};
  struct itimerval const often = {.it_value = {.tv_usec = 5000}, .it_interval = {.tv_usec = 5000}};
  uint64_t begin = clock_ms();

  ck_assert_int_eq(sigaction(SIGALRM, &sa, 0), 0);
  ck_assert_int_eq(setitimer(ITIMER_REAL, &often, 0), 0);
  ck_assert(clock_await(ends[0], POLLIN, begin + 100) < 0 && errno == ETIMEDOUT);
  ck_assert_uint_ge(clock_ms(), begin + 100);
  ck_assert_int_gt(alarms, 1);
}
END_TEST

START_TEST(time_since_boot_has_what_the_machine_slept)
{
  uint64_t before = clock_ms();

  ck_assert_uint_ge(clock_boot_ms(), before);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("clock");
  TCase *t = tcase_create("clock");

  tcase_add_checked_fixture(t, &prepare, 0);
  tcase_add_test(t, what_is_there_needs_no_time);
  tcase_add_test(t, an_end_is_an_event);
  tcase_add_test(t, signals_do_not_end_it);
  tcase_add_test(t, time_since_boot_has_what_the_machine_slept);
  suite_add_tcase(s, t);
  return unit_run(s);
}
