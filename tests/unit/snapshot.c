#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctl/status/field.h>
#include <ctl/status/proctree.h>
#include <ctl/status/snapshot.h>

#include "unit.h"

/* --- the table ----------------------------------------------------------------------------------- */

START_TEST(facts_are_sorted_and_unique)
{
  for (size_t i = 1; i < status_fields_count; i++)
    ck_assert_msg(strcmp(status_fields[i - 1].name, status_fields[i].name) < 0, "%s before %s",
                  status_fields[i - 1].name, status_fields[i].name);
  for (size_t i = 0; i < status_fields_count; i++)
  {
    size_t len = strlen(status_fields[i].name);
    ck_assert_ptr_eq(status_field_find(status_fields[i].name, len), status_fields + i);
    ck_assert(status_fields[i].name[strspn(status_fields[i].name, "abcdefghijklmnopqrstuvwxyz._")] == 0);
    ck_assert(*status_fields[i].title && *status_fields[i].help &&
              status_fields[i].help[strlen(status_fields[i].help) - 1] != '.');
    ck_assert(status_fields[i].scope == FIELD_BUNDLE || !strchr(status_fields[i].name, '.'));
  }
  ck_assert_ptr_null(status_field_find("", 0));
  ck_assert_ptr_null(status_field_find("nam", 3));
  ck_assert_ptr_null(status_field_find("names", 5));
  ck_assert_ptr_eq(status_field_find("name,state", 4), status_field_find("name", 4));
}
END_TEST

/* Columns are numbered without a gap, and each that may go has a place of its own in the order. */
START_TEST(columns_are_in_order)
{
  unsigned int columns = 0;
  unsigned int places[64] = {0};
  unsigned int goes[64] = {0};

  for (size_t i = 0; i < status_fields_count; i++)
    if (status_fields[i].column)
    {
      ck_assert_uint_eq(status_fields[i].scope, FIELD_SERVICE);
      ck_assert_uint_eq(places[status_fields[i].column]++, 0);
      if (status_fields[i].keep) ck_assert_uint_eq(goes[status_fields[i].keep]++, 0);
      columns++;
    }
  for (unsigned int i = 1; i <= columns; i++) ck_assert_uint_eq(places[i], 1);
}
END_TEST

static status_field const count = {.type = FIELD_COUNT};
static status_field const bytes = {.type = FIELD_BYTES};
static status_field const moment = {.type = FIELD_TIME};
static status_field const yes = {.type = FIELD_YES};

START_TEST(what_is_unknown_is_no_number)
{
  static status_value const none = {.known = NONE, .n = 0};
  static status_value const zero = {.known = KNOWN, .n = 0};
  status_value const unknown = STATUS_VALUE_ZERO;
  char s[FIELD_WORDS];
  tain now = TAIN_ZERO;

  ck_assert_str_eq(status_field_plain(s, &count, &unknown), "unknown");
  ck_assert_str_eq(status_field_human(s, &bytes, &unknown, &now), "unknown");
  ck_assert_str_eq(status_field_plain(s, &moment, &none), "-");
  ck_assert_str_eq(status_field_human(s, &moment, &none, &now), "-");
  ck_assert_str_eq(status_field_plain(s, &count, &zero), "0");
  ck_assert_str_eq(status_field_plain(s, &yes, &zero), "no");
}
END_TEST

START_TEST(words_for_numbers_and_moments)
{
  status_value d = {.known = KNOWN, .n = UINT64_MAX};
  char s[FIELD_WORDS];
  tain now, then;

  ck_assert_str_eq(status_field_plain(s, &count, &d), "18446744073709551615");
  ck_assert_str_eq(status_field_human(s, &bytes, &d, &now), "16E");
  d.n = 0;
  ck_assert_str_eq(status_field_human(s, &bytes, &d, &now), "0.0K");
  d.n = 12 << 20;
  ck_assert_str_eq(status_field_human(s, &bytes, &d, &now), "12M");
  ck_assert(
      tain_from_timespec_sysclock(&then, &(struct timespec){.tv_sec = 1795347000, .tv_nsec = 250000000}));
  tain_addsec(&now, &then, 200);
  d.time = then;
  ck_assert_str_eq(status_field_plain(s, &moment, &d), "2026-11-22T11:30:00.250Z");
  ck_assert_str_eq(status_field_human(s, &moment, &d, &now), "3 min");
  ck_assert_str_eq(status_field_human(s, &moment, &(status_value){.known = KNOWN, .time = now}, &then),
                   "in 3 min");
}
END_TEST

/* --- processes ----------------------------------------------------------------------------------- */

START_TEST(a_name_may_hold_anything)
{
  static char const line[] = "42 (a) b ) (c) S 7 42 42 0 -1 4194304 1 2 3 4 100 20 3 4 20 0 5 0 777 9999 12 "
                             "18446744073709551615 1\n";
  process p;

  ck_assert_int_eq(process_scan(&p, line, strlen(line)), 0);
  ck_assert_int_eq(p.pid, 42);
  ck_assert_int_eq(p.parent, 7);
  ck_assert_uint_eq(p.cpu, 127);
  ck_assert_uint_eq(p.threads, 5);
  ck_assert_uint_eq(p.start, 777);
  ck_assert_uint_eq(p.memory, 12 * (uint64_t)sysconf(_SC_PAGESIZE));
}
END_TEST

START_TEST(damaged_lines_are_refused)
{
  static char const line[] = "42 (x) S 7 42 42 0 -1 4194304 1 2 3 4 100 20 3 4 20 0 5 0 777 9999 12 1 1\n";
  static char const *const bad[] = {
      "",
      "x",
      "42",
      "42 (x",
      "42 (x)",
      "42 (x) S",
      "42 (x) S 7",
      "42 (x) S a b c",
      "0 (x) S 7 42 42 0 -1 4194304 1 2 3 4 100 20 3 4 20 0 5 0 777 9999 12 1 1",
      ")))))"};
  process p;

  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_int_lt(process_scan(&p, bad[i], strlen(bad[i])), 0);
  for (size_t n = 0; n < strlen(line) - 5; n++)
  {
    char *copy = strndup(line, n);
    int r = process_scan(&p, copy, n);
    /* Only a number that was cut in the last field passes. */
    ck_assert(r < 0 || n > strlen(line) - 9);
    free(copy);
  }
}
END_TEST

static pid_t start_child(int *release)
{
  int pair[2];
  pid_t pid;

  ck_assert_int_eq(pipe(pair), 0);
  pid = fork();
  if (!pid)
  {
    char c;
    close(pair[1]);
    _exit(read(pair[0], &c, 1) < 0);
  }
  close(pair[0]);
  *release = pair[1];
  return pid;
}

START_TEST(a_tree_is_counted)
{
  int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  proctree before, with;
  int release;
  process me, child;
  pid_t pid;

  ck_assert_int_eq(process_read(&me, proc, getpid()), 0);
  ck_assert_int_eq(proctree_sum(&before, proc, &me), 0);
  pid = start_child(&release);
  ck_assert_int_eq(process_read(&child, proc, pid), 0);
  ck_assert_int_eq(child.parent, getpid());
  ck_assert(process_age(&child) >= 0 && process_age(&child) < 60);
  ck_assert_int_eq(process_read(&me, proc, getpid()), 0);
  ck_assert_int_eq(proctree_sum(&with, proc, &me), 0);
  ck_assert_uint_eq(with.processes, before.processes + 1);
  ck_assert_uint_gt(with.memory, before.memory);
  close(release);
  waitpid(pid, 0, 0);
  ck_assert_int_lt(process_read(&child, proc, pid), 0);
  ck_assert(errno == ENOENT || errno == ESRCH);
  /* Its parent saw it a moment ago: that is no error. */
  ck_assert_int_eq(proctree_sum(&with, proc, &me), 0);
  close(proc);
}
END_TEST

/* A directory that is not /proc has no processes: unknown, not nothing. */
START_TEST(without_proc_a_tree_is_unknown)
{
  int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  process p = {.pid = getpid(), .threads = 1};
  proctree t;

  ck_assert_int_lt(process_read(&p, directory, getpid()), 0);
  p.pid = getpid();
  p.threads = 1;
  ck_assert_int_lt(proctree_sum(&t, directory, &p), 0);
  close(directory);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("snapshot");
  TCase *tc = tcase_create("snapshot");

  tcase_add_test(tc, facts_are_sorted_and_unique);
  tcase_add_test(tc, columns_are_in_order);
  tcase_add_test(tc, what_is_unknown_is_no_number);
  tcase_add_test(tc, words_for_numbers_and_moments);
  tcase_add_test(tc, a_name_may_hold_anything);
  tcase_add_test(tc, damaged_lines_are_refused);
  tcase_add_test(tc, a_tree_is_counted);
  tcase_add_test(tc, without_proc_a_tree_is_unknown);
  suite_add_tcase(suite, tc);
  return unit_run(suite);
}
