#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <runlib/started.h>

#include <ctl/live/current.h>
#include <ctl/live/live.h>

#include "directory.h"
#include "unit.h"

/* What s6 says stands in the place of ctl/live/live.c; the records are files, of this very process. */

#define CONTENT "0123456789abcdef0123456789abcdef"
#define OTHER   "ffffffffffffffffffffffffffffffff"

static bundle const b = {.run = "run"};
static live_status says;
static int unread; /* errno: the status cannot be read */
static char asked[64];

int live_read(char const *dir, live_status *st)
{
  snprintf(asked, sizeof asked, "%s", dir);
  *st = says;
  return unread ? (errno = unread, -1) : 0;
}

static void prepare(void)
{
  (void)chmod("run/started", 0755); /* which a_hidden_status hid */
  rm_rf("run");
  ck_assert_int_eq(mkdir("run", 0755) | mkdir("run/started", 0755), 0);
  says = (live_status){.supervised = 1, .up = 1, .pid = getpid(), .ready = 1, .wanted = 1};
}

static void record(char const *programs)
{
  ck_assert_int_eq(started_write("run/started/web", getpid(), CONTENT, programs, strlen(programs)), 0);
}

/* A record of a process that had our pid before us. */
static void record_dead(void)
{
  FILE *f = fopen("run/started/web", "w");

  ck_assert_ptr_nonnull(f);
  ck_assert_int_gt(fprintf(f, "%d 1 " CONTENT "\n", (int)getpid()), 0);
  fclose(f);
}

static running compare(void)
{
  return current_compare(&b, "web", CONTENT, 0);
}

START_TEST(what_is_down)
{
  record("");
  says.up = says.pid = 0;
  ck_assert_int_eq(compare(), RUNNING_NOT);
  says.pid = getpid() + 1; /* its finish script */
  ck_assert_int_eq(compare(), RUNNING_NOT);
}
END_TEST

START_TEST(what_runs_is_what_was_recorded)
{
  ck_assert_int_eq(compare(), RUNNING_OLD);
  record("");
  ck_assert_int_eq(compare(), RUNNING_SAME);
  ck_assert_str_eq(asked, "run/servicedirs/web");
  ck_assert_int_eq(current_compare(&b, "web", OTHER, 0), RUNNING_OLD);
  says.pid = getpid() + 1; /* a later start, whose record could not be written */
  ck_assert_int_eq(compare(), RUNNING_OLD);
  says.pid = getpid();
  record_dead();
  ck_assert_int_eq(compare(), RUNNING_OLD);
}
END_TEST

START_TEST(a_program_that_was_replaced)
{
  ck_assert(openwritenclose_unsafe("program", "1", 1));
  record("program\n");
  ck_assert_int_eq(compare(), RUNNING_SAME);
  ck_assert(openwritenclose_unsafe("program.new", "22", 2));
  ck_assert_int_eq(rename("program.new", "program"), 0);
  ck_assert_int_eq(compare(), RUNNING_REPLACED);
  ck_assert_int_eq(current_compare(&b, "web", OTHER, 0), RUNNING_OLD);
  ck_assert_int_eq(unlink("program"), 0);
  ck_assert_int_eq(compare(), RUNNING_REPLACED);
}
END_TEST

/* Then the record of a process that lives says what runs: to up, what runs is no stopped service. */
START_TEST(a_damaged_status_leaves_the_record)
{
  int hidden = -1;

  unread = EINVAL;
  says.up = says.pid = 0;
  ck_assert_int_eq(compare(), RUNNING_NOT);
  record("");
  ck_assert_int_eq(current_compare(&b, "web", CONTENT, &hidden), RUNNING_SAME);
  ck_assert_int_eq(hidden, 0);
  ck_assert_int_eq(current_compare(&b, "web", OTHER, 0), RUNNING_OLD);
  record_dead();
  ck_assert_int_eq(compare(), RUNNING_NOT);
  record("");
  says.supervised = 0;
  ck_assert_int_eq(compare(), RUNNING_NOT);
}
END_TEST

/* An ordinary user before root's bundle. */
START_TEST(a_hidden_status)
{
  int hidden = 0;

  unread = EACCES;
  says.supervised = says.up = says.pid = 0;
  record("");
  ck_assert_int_eq(current_compare(&b, "web", CONTENT, &hidden), RUNNING_SAME);
  ck_assert_int_eq(hidden, 1);
  ck_assert_int_eq(chmod("run/started", 0), 0);
  if (!geteuid()) ck_assert_int_eq(setuid(65534), 0);
  ck_assert_int_eq(compare(), RUNNING_UNKNOWN);
}
END_TEST

START_TEST(loggers_have_records_of_their_own)
{
  record("");
  ck_assert_int_eq(current_compare_logger(&b, "web", CONTENT), RUNNING_OLD);
  ck_assert_str_eq(asked, "run/servicedirs/web/log");
  ck_assert_int_eq(rename("run/started/web", "run/started/web.log"), 0);
  ck_assert_int_eq(current_compare_logger(&b, "web", CONTENT), RUNNING_SAME);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("current");
  TCase *t = tcase_create("current");

  unit_in_directory(t);
  tcase_add_checked_fixture(t, &prepare, 0);
  tcase_add_test(t, what_is_down);
  tcase_add_test(t, what_runs_is_what_was_recorded);
  tcase_add_test(t, a_program_that_was_replaced);
  tcase_add_test(t, a_damaged_status_leaves_the_record);
  tcase_add_test(t, a_hidden_status);
  tcase_add_test(t, loggers_have_records_of_their_own);
  suite_add_tcase(s, t);
  return unit_run(s);
}
