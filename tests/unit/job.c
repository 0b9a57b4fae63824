#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <services/job/schedule.h>

typedef struct row_s row;
struct row_s
{
  char const *text;
  char const *options; /* 0: it is wrong */
};

static row const rows[] = {
    {"daily 03:30", "-H3 -M30"},
    {" daily\t0:5 ", "-H0 -M5"},
    {"weekly sunday 23:59", "-w0 -H23 -M59"},
    {"weekly Sat 09:08", "-w6 -H9 -M8"},
    {"monthly 28 00:00", "-d28 -H0 -M0"},
    {"every 1s", "-T0 -H* -M* -S*"},
    {"every 90", "-T89 -H* -M* -S*"},
    {"every 15m", "-T899 -H* -M* -S*"},
    {"", 0},
    {"daily", 0},
    {"daily 24:00", 0},
    {"daily 23:60", 0},
    {"daily 3", 0},
    {"daily 003:30", 0},
    {"daily :30", 0},
    {"daily -1:30", 0},
    {"daily 03:30 x", 0},
    {"weekly 03:30", 0},
    {"weekly su 03:30", 0},
    {"monthly 0 03:30", 0},
    {"monthly 29 03:30", 0},
    {"monthly 1 03:30 x", 0},
    {"every", 0},
    {"every 999ms", 0},
    {"every 366d", 0},
    {"every day", 0},
    {"dailydailydailydailydailydailydaily 03:30", 0},
};

START_TEST(test_schedule)
{
  row const *r = rows + _i;
  stralloc sa = STRALLOC_ZERO;
  char const *wrong = schedule_options(&sa, r->text);

  ck_assert_msg(!wrong == !!r->options, "%s: %s", r->text, wrong ? wrong : "taken");
  if (!wrong)
  {
    ck_assert(stralloc_0(&sa));
    ck_assert_str_eq(sa.s, r->options);
  }
  stralloc_free(&sa);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("job");
  TCase *tc = tcase_create("schedule");
  SRunner *sr;
  int failed;

  tcase_add_loop_test(tc, test_schedule, 0, sizeof rows / sizeof rows[0]);
  suite_add_tcase(s, tc);
  sr = srunner_create(s);
  srunner_run_all(sr, CK_ENV);
  failed = srunner_ntests_failed(sr);
  srunner_free(sr);
  return failed != 0;
}
