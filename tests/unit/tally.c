#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <services/spool/tally.h>

#include "directory.h"
#include "unit.h"

#define SECOND 1000000u

static char const *const file = "counters";
static tally t = TALLY_ZERO;

static void put(char const *name, time_t when)
{
  struct timespec const both[2] = {{.tv_sec = when}, {.tv_sec = when}};
  char path[64];
  int fd;

  snprintf(path, sizeof path, "failed/%s", name);
  fd = open(path, O_WRONLY | O_CREAT, 0600);
  ck_assert_int_ge(fd, 0);
  close(fd);
  ck_assert_int_eq(utimensat(AT_FDCWD, "failed", both, 0), 0);
}

static uint64_t published(void)
{
  static counter_value values[COUNTERS_MAX];

  ck_assert_int_eq(counters_read(file, values), 1);
  ck_assert_str_eq(values[0].name, "failed");
  return values[0].value;
}

/* The directory's time is 1000 s; what is counted is told again only for another time, or within its last tick. */
START_TEST(counts)
{
  ck_assert_int_eq(mkdir("failed", 0700), 0);
  ck_assert_int_eq(tally_open(&t, file), 0);
  ck_assert_uint_eq(published(), UINT64_MAX);
  put("a", 1000);
  tally_take(&t, "failed", 1001ull * SECOND, 0);
  ck_assert_uint_eq(published(), 1);
  put("b", 1000); /* the same tick */
  tally_take(&t, "failed", 1100ull * SECOND, 0);
  ck_assert_uint_eq(published(), 2);
  put("c", 1000); /* which cannot be: that tick is long over */
  tally_take(&t, "failed", 1200ull * SECOND, 0);
  ck_assert_uint_eq(published(), 2);
  put("d", 1150);
  tally_take(&t, "failed", 1109ull * SECOND, 1); /* busy, and it was counted at 1100 */
  ck_assert_uint_eq(published(), 2);
  tally_take(&t, "failed", 1110ull * SECOND, 1);
  ck_assert_uint_eq(published(), 4);
}
END_TEST

START_TEST(cannot)
{
  ck_assert_int_eq(mkdir("second", 0700), 0);
  ck_assert_int_eq(chdir("second"), 0);
  ck_assert_int_eq(mkdir("failed", 0700), 0);
  ck_assert_int_eq(tally_open(&t, "no/such/directory"), -1);
  tally_take(&t, "failed", 1, 0); /* nobody wants to know */
  ck_assert_int_eq(tally_open(&t, file), 0);
  put("a", 1000);
  tally_take(&t, "failed", 1100ull * SECOND, 0);
  ck_assert_uint_eq(published(), 1);
  ck_assert_int_eq(rename("failed", "gone"), 0);
  tally_take(&t, "failed", 1101ull * SECOND, 0);
  ck_assert_uint_eq(published(), UINT64_MAX);
  ck_assert_int_eq(rename("gone", "failed"), 0);
  tally_take(&t, "failed", 1102ull * SECOND, 0); /* though its time is the same */
  ck_assert_uint_eq(published(), 1);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("tally");
  TCase *tc = tcase_create("tally");

  unit_in_directory(tc);
  tcase_add_test(tc, counts);
  tcase_add_test(tc, cannot);
  suite_add_tcase(s, tc);
  return unit_run(s);
}
