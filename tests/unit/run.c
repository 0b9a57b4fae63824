#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include <runlib/run.h>

#include "unit.h"

/* A program's input, output, exit and time, as run_wait says. */

static int run_shell(char const *script, char const *input, stralloc *said, unsigned int ms)
{
  char const *const argv[] = {"sh", "-c", script, 0};

  return run_wait(argv, input, input ? strlen(input) : 0, said, ms);
}

START_TEST(talks)
{
  stralloc said = STRALLOC_ZERO;

  ck_assert_int_eq(run_shell("cat; echo error >&2; exit 3", "input\n", &said, 60000), 3);
  ck_assert(stralloc_0(&said));
  ck_assert_str_eq(said.s, "input\nerror\n");
  stralloc_free(&said);
}
END_TEST

START_TEST(ends)
{
  char const *const nosuch[] = {"/nonexistent/program", 0};
  stralloc said = STRALLOC_ZERO;

  ck_assert_int_eq(run_shell("kill -TERM $$", 0, 0, 60000), 256 + SIGTERM);
  ck_assert_int_eq(run_wait(nosuch, 0, 0, &said, 60000), -1);
  ck_assert_int_eq(errno, ENOENT);
  ck_assert_int_eq(run_shell("exec <&- >&- 2>&-; exit 5", "not read", &said, 60000), 5);
  ck_assert_int_eq(run_shell("sleep 5 & exit 0", 0, &said, 60000), 0);
  stralloc_free(&said);
}
END_TEST

START_TEST(bounds)
{
  stralloc said = STRALLOC_ZERO;

  ck_assert_int_eq(run_shell("exec sleep 600", 0, &said, 50), -1);
  ck_assert_int_eq(errno, ETIMEDOUT);
  ck_assert_int_eq(run_shell("exec sleep 600", 0, 0, 50), -1);
  ck_assert_int_eq(errno, ETIMEDOUT);
  ck_assert_int_eq(run_shell("exec yes", 0, &said, 60000), -1);
  ck_assert_int_eq(errno, EMSGSIZE);
  stralloc_free(&said);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("run");
  TCase *t = tcase_create("run");

  tcase_add_test(t, talks);
  tcase_add_test(t, ends);
  tcase_add_test(t, bounds);
  suite_add_tcase(s, t);
  return unit_run(s);
}
