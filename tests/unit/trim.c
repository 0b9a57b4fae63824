#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <services/spool/trim.h>

#include "directory.h"
#include "unit.h"

static int dir;

static void put(unsigned int number, off_t size, time_t time)
{
  struct timespec const t[2] = {{.tv_sec = time}, {.tv_sec = time}};
  char name[16];
  int fd;

  snprintf(name, sizeof name, "%u", number);
  fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  ck_assert(fd >= 0 && !ftruncate(fd, size) && !futimens(fd, t));
  close(fd);
}

static int there(unsigned int number)
{
  char name[16];

  snprintf(name, sizeof name, "%u", number);
  return !faccessat(dir, name, F_OK, 0);
}

/* Twenty files of 10 bytes, number i of the second 1000 + i. */
static void fill(void)
{
  char path[] = "XXXXXX";

  ck_assert_ptr_nonnull(mkdtemp(path));
  dir = open(path, O_RDONLY | O_DIRECTORY);
  ck_assert_int_ge(dir, 0);
  for (unsigned int i = 0; i < 20; i++) put(i, 10, 1000 + i);
}

static struct
{
  trim_bounds bounds;
  uint64_t now;
  unsigned int first; /* that stays */
} const cases[] = {
    {{20, 200, 100}, 1019, 0},  {{19, 200, 100}, 1019, 2},  {{10, 200, 100}, 1019, 11},
    {{20, 199, 100}, 1019, 2},  {{20, 100, 100}, 1019, 11}, {{20, 200, 100}, 1105, 5},
    {{20, 200, 100}, 5000, 20}, {{10, 200, 100}, 1115, 15},
};

START_TEST(bounds)
{
  trimmed t;

  fill();
  ck_assert_int_eq(trim_directory(&t, dir, &cases[_i].bounds, cases[_i].now), 0);
  ck_assert_uint_eq(t.removed, cases[_i].first);
  ck_assert_uint_eq(t.files, 20 - cases[_i].first);
  ck_assert_uint_eq(t.bytes, 10 * t.files);
  for (unsigned int i = 0; i < 20; i++) ck_assert_int_eq(there(i), i >= cases[_i].first);
  close(dir);
}
END_TEST

/* What is no file is not counted, and stays. */
START_TEST(others)
{
  trim_bounds const none = {.files = 0, .bytes = 0, .age = 0};
  trimmed t;

  fill();
  ck_assert(!mkdirat(dir, "theirs", 0700) && !symlinkat("/", dir, "link"));
  ck_assert_int_eq(trim_directory(&t, dir, &none, 5000), 0);
  ck_assert_uint_eq(t.removed, 20);
  ck_assert(!faccessat(dir, "theirs", F_OK, 0) && !faccessat(dir, "link", F_OK, 0));
  close(dir);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("trim");
  TCase *t = tcase_create("trim");

  unit_in_directory(t);
  tcase_add_loop_test(t, bounds, 0, sizeof cases / sizeof *cases);
  tcase_add_test(t, others);
  suite_add_tcase(s, t);
  return unit_run(s);
}
