#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <runlib/deaths.h>

#include "unit.h"

static unsigned int die(deaths *d, unsigned int code, uint64_t lived)
{
  death one = {.exit = code, .lived = lived};
  tain_wallclock_read(&one.when);
  return deaths_add(d, &one);
}

START_TEST(pauses_grow_to_a_bound)
{
  static unsigned int const wanted[] = {0, 0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
  deaths d = DEATHS_ZERO;

  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
  {
    ck_assert_uint_eq(die(&d, 111, 10), wanted[i]);
    ck_assert_int_eq(d.state, i < 4 ? DEATHS_NONE : DEATHS_TRYING);
  }
  for (int i = 0; i < 100000; i++) ck_assert_uint_eq(die(&d, 111, 10), 60000);
}
END_TEST

START_TEST(a_long_life_forgives)
{
  deaths d = DEATHS_ZERO;

  for (int i = 0; i < 9; i++) die(&d, 111, 10);
  ck_assert_uint_eq(die(&d, 111, DEATHS_SHORT), 0);
  ck_assert_int_eq(d.state, DEATHS_NONE);
}
END_TEST

START_TEST(exit_100_is_for_ever)
{
  deaths d = DEATHS_ZERO;

  ck_assert_uint_eq(die(&d, 100, 10), 0);
  ck_assert_int_eq(d.state, DEATHS_FAILED);
}
END_TEST

START_TEST(written_is_read)
{
  char file[] = "/tmp/mailctl-deaths.XXXXXX";
  deaths d = DEATHS_ZERO;
  deaths e;

  close(mkstemp(file));
  for (unsigned int i = 0; i < DEATHS_MAX + 3; i++) die(&d, i, i * 1000);
  ck_assert_int_eq(deaths_write(&d, file), 0);
  ck_assert_int_eq(deaths_read(&e, file), 0);
  unlink(file);
  ck_assert_uint_eq(e.n, DEATHS_MAX);
  ck_assert_int_eq(e.state, d.state);
  ck_assert_uint_eq(e.consecutive, d.consecutive);
  for (unsigned int i = 0; i < e.n; i++)
  {
    ck_assert_uint_eq(e.list[i].exit, i + 3);
    ck_assert_uint_eq(e.list[i].lived, (i + 3) * 1000);
    ck_assert(!memcmp(&e.list[i].when, &d.list[i].when, sizeof(tain)));
  }
}
END_TEST

START_TEST(damage_is_told)
{
  static char const *const bad[] = {"", "-\n", "dead 1\n", "- 1\nx\n", "- 1\n@4000 1 2 3\n"};
  char file[] = "/tmp/mailctl-deaths.XXXXXX";
  int fd = mkstemp(file);
  deaths d;

  ck_assert_int_eq(write(fd, bad[_i], strlen(bad[_i])), (ssize_t)strlen(bad[_i]));
  close(fd);
  ck_assert_int_eq(deaths_read(&d, file), -1);
  unlink(file);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("deaths");
  TCase *t = tcase_create("deaths");

  tcase_add_test(t, pauses_grow_to_a_bound);
  tcase_add_test(t, a_long_life_forgives);
  tcase_add_test(t, exit_100_is_for_ever);
  tcase_add_test(t, written_is_read);
  tcase_add_loop_test(t, damage_is_told, 0, 5);
  suite_add_tcase(s, t);
  return unit_run(s);
}
