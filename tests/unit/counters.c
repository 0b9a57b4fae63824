#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <runlib/counters.h>

#include "directory.h"
#include "unit.h"

static char const path[] = "counters";
static char const *const names[] = {"connections-now", "connections", "accepted"};

static void remove_file(void)
{
  unlink(path);
}

static void no_file(void)
{
}

static uint64_t value_of(char const *name)
{
  counter_value v[COUNTERS_MAX];
  int n = counters_read(path, v);

  for (int i = 0; i < n; i++)
    if (!strcmp(v[i].name, name)) return v[i].value;
  return UINT64_MAX;
}

START_TEST(keeps_values_and_mode)
{
  counter *c[3];
  counter *other[1];
  struct stat st;

  umask(077);
  ck_assert(counters_open(path, 0664, names, 3, c) == 0);
  ck_assert(stat(path, &st) == 0);
  ck_assert_uint_eq(st.st_mode & 07777, 0664);
  counter_add(c[1], 2);
  counter_set(c[0], 7);
  ck_assert(counters_open(path, 0600, names + 1, 1, other) == 0);
  counter_add(other[0], 1);
  ck_assert(stat(path, &st) == 0);
  ck_assert_uint_eq(st.st_mode & 07777, 0664);
  ck_assert_uint_eq(value_of("connections-now"), 7);
  ck_assert_uint_eq(value_of("connections"), 3);
  ck_assert_uint_eq(value_of("accepted"), 0);
}
END_TEST

/* Sixteen processes open and count; half of them are killed while they count. */
START_TEST(many_processes)
{
  enum
  {
    PROCESSES = 16,
    EACH = 20000
  };
  pid_t pids[PROCESSES];
  uint64_t sum;

  for (int i = 0; i < PROCESSES; i++)
  {
    pids[i] = fork();
    ck_assert(pids[i] >= 0);
    if (!pids[i])
    {
      counter *c[3];
      if (counters_open(path, 0600, names, 3, c) < 0) _exit(1);
      for (unsigned int k = 0; i % 2 || k < EACH; k++) counter_add(c[i % 2 ? 1 : 2], 1);
      _exit(0);
    }
  }
  for (int i = 0; i < PROCESSES; i += 2)
  {
    int status;
    ck_assert(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
  }
  for (int i = 1; i < PROCESSES; i += 2)
    ck_assert(kill(pids[i], SIGKILL) == 0 && waitpid(pids[i], 0, 0) == pids[i]);
  ck_assert_uint_eq(value_of("accepted"), PROCESSES / 2 * EACH);
  sum = value_of("connections");
  ck_assert_uint_ne(sum, UINT64_MAX);
  ck_assert_uint_eq(value_of("connections-now"), 0);
}
END_TEST

START_TEST(full)
{
  char name[COUNTERS_MAX + 1][8];
  char const *list[COUNTERS_MAX + 1];
  counter *c[COUNTERS_MAX + 1];
  counter_value v[COUNTERS_MAX];

  for (int i = 0; i <= COUNTERS_MAX; i++)
  {
    snprintf(name[i], sizeof name[i], "c%d", i);
    list[i] = name[i];
  }
  ck_assert(counters_open(path, 0600, list, COUNTERS_MAX, c) == 0);
  ck_assert(counters_read(path, v) == COUNTERS_MAX);
  ck_assert(counters_open(path, 0600, list, COUNTERS_MAX + 1, c) == -1);
  ck_assert_int_eq(errno, ENOSPC);
  for (int i = 0; i <= COUNTERS_MAX; i++) counter_add(c[i], 1);
  ck_assert_uint_eq(value_of("c0"), 0);
}
END_TEST

/* Whoever may write to the file may truncate it, and must kill nobody with that. */
START_TEST(truncated)
{
  counter *c[2];
  counter *again[1];

  ck_assert(counters_open(path, 0600, names + 1, 2, c) == 0);
  counter_add(c[0], 2);
  ck_assert_int_eq(truncate(path, 0), 0);
  counter_add(c[0], 3);
  counter_add(c[1], 1);
  ck_assert_uint_eq(*c[0], 3);
  ck_assert_uint_eq(*c[1], 1);
  ck_assert(value_of("connections") == UINT64_MAX);
  ck_assert(counters_open(path, 0600, names + 1, 1, again) == 0); /* it is replaced */
  counter_add(again[0], 5);
  ck_assert_uint_eq(value_of("connections"), 5);
  ck_assert_int_eq(truncate(path, 10), 0);
  counter_add(again[0], 1);
}
END_TEST

START_TEST(bad_names)
{
  static char const *const bad[] = {"", "a b", "a\n", "a\x80", "a23456789012345678901234"};
  counter *c[1];

  for (unsigned int i = 0; i < sizeof bad / sizeof bad[0]; i++)
  {
    ck_assert(counters_open(path, 0600, bad + i, 1, c) == -1);
    ck_assert_int_eq(errno, EINVAL);
    counter_add(c[0], 1);
  }
}
END_TEST

static struct
{
  long at; /* where to write; -1: truncate to len, -2: make it a symlink */
  unsigned int len;
  char const *bytes;
} const damage[] = {
    {-1, 0, 0},
    {-1, 4095, 0},
    {-1, 4097, 0},
    {0, 1, "M"},
    {8, 1, "\x80"},
    {12, 1, "\x80"},
    {12, 4, "\xff\xff\xff\xff"},
    {32, 1, "\0"},
    {33, 1, "\n"},
    {55, 1, "x"},
    {-2, 0, 0},
};

START_TEST(damaged)
{
  counter *c[3];
  counter_value v[COUNTERS_MAX];
  int fd;

  ck_assert(counters_open(path, 0600, names, 3, c) == 0);
  fd = open(path, O_RDWR);
  ck_assert(fd >= 0);
  if (damage[_i].at == -1)
    ck_assert(ftruncate(fd, damage[_i].len) == 0);
  else if (damage[_i].at == -2)
    ck_assert(unlink(path) == 0 && symlink("/etc/passwd", path) == 0);
  else
    ck_assert(pwrite(fd, damage[_i].bytes, damage[_i].len, damage[_i].at) == damage[_i].len);
  close(fd);
  ck_assert_int_eq(counters_read(path, v), -1);
  ck_assert_int_eq(errno, EPROTO);
  ck_assert(counters_open(path, 0600, names, 3, c) == 0);
  counter_add(c[2], 5);
  ck_assert_uint_eq(value_of("accepted"), 5);
}
END_TEST

/* Who can only read the file may hold any lock on it. */
START_TEST(locked)
{
  counter *c[3];
  int fd;

  ck_assert(counters_open(path, 0644, names, 1, c) == 0);
  fd = open(path, O_RDONLY);
  ck_assert(fd >= 0 && flock(fd, LOCK_SH) == 0);
  ck_assert(counters_open(path, 0644, names, 3, c) == 0);
  close(fd);
}
END_TEST

START_TEST(missing)
{
  counter *c[3];
  counter_value v[COUNTERS_MAX];

  ck_assert_int_eq(counters_read(path, v), -1);
  ck_assert_int_eq(errno, ENOENT);
  ck_assert(mkdir(path, 0700) == 0);
  ck_assert_int_eq(counters_read(path, v), -1);
  ck_assert_int_eq(errno, EPROTO);
  ck_assert_int_eq(counters_open(path, 0600, names, 3, c), -1);
  counter_add(c[0], 1);
  ck_assert(rmdir(path) == 0);
  ck_assert_int_eq(counters_open("/nonexistent/x", 0600, names, 3, c), -1);
  ck_assert_int_eq(errno, ENOENT);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("counters");
  TCase *t = tcase_create("counters");

  unit_in_directory(t);
  tcase_add_checked_fixture(t, no_file, remove_file);
  tcase_add_test(t, keeps_values_and_mode);
  tcase_add_test(t, many_processes);
  tcase_add_test(t, full);
  tcase_add_test(t, truncated);
  tcase_add_test(t, bad_names);
  tcase_add_loop_test(t, damaged, 0, sizeof damage / sizeof damage[0]);
  tcase_add_test(t, locked);
  tcase_add_test(t, missing);
  suite_add_tcase(s, t);
  return unit_run(s);
}
