#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/queuecount.h>

#include "directory.h"
#include "unit.h"

static void make(char const *path, long mtime)
{
  struct timespec t[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};
  int fd = open_create(path);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(futimens(fd, t), 0);
  fd_close(fd);
}

/* flat: 30 files, the oldest from 1000; split: 23 directories with 2 files each, and what is no message */
static void make_queues(void)
{
  char name[64];

  ck_assert(!mkdir("flat", 0755) && !mkdir("split", 0755) && !mkdir("empty", 0755));
  for (int i = 0; i < 30; i++)
  {
    snprintf(name, sizeof name, "flat/%d", 7000 + i);
    make(name, 1000 + i);
  }
  ck_assert(!mkdir("flat/directory", 0755) && !symlink("7000", "flat/1") && !mkfifo("flat/2", 0600));
  make("flat/directory/file", 1);
  for (int i = 0; i < 23; i++)
  {
    snprintf(name, sizeof name, "split/%d", i);
    ck_assert_int_eq(mkdir(name, 0755), 0);
    for (int j = 0; j < 2; j++)
    {
      snprintf(name, sizeof name, "split/%d/%d", i, 23 * j + i);
      make(name, 5000 - 23 * j - i);
    }
  }
  ck_assert(!mkdir("split/3/4", 0755));
  make("split/3/4/5", 1);
}

static queuecount count(char const *dir, uint64_t limit, uint64_t ages)
{
  queuecount q = QUEUECOUNT_ZERO;
  ck_assert_int_eq(queuecount_add(&q, dir, limit, ages), 0);
  return q;
}

START_TEST(exact)
{
  queuecount q = count("flat", 0, UINT64_MAX);

  ck_assert_uint_eq(q.files, 30);
  ck_assert_uint_eq(q.aged, 30);
  ck_assert_uint_eq(q.oldest, 1000);
  ck_assert_int_eq(q.more, 0);
  ck_assert_int_eq(queuecount_add(&q, "split", 0, UINT64_MAX), 0);
  ck_assert_uint_eq(q.files, 76);
  ck_assert_int_eq(queuecount_add(&q, "empty", 0, 0), 0);
  ck_assert_uint_eq(q.files, 76);
  ck_assert_uint_eq(count("split", 0, UINT64_MAX).oldest, 5000 - 45);
  ck_assert_uint_eq(count("split", 0, 0).oldest, 0);
}
END_TEST

START_TEST(limits)
{
  queuecount q;

  for (uint64_t limit = 1; limit <= 90; limit++)
  {
    q = count("flat", limit, 5);
    ck_assert_uint_eq(q.files, limit < 30 ? limit : 30);
    ck_assert_uint_eq(q.aged, limit < 5 ? limit : 5);
    ck_assert(limit >= 30 || q.more);
    ck_assert(limit <= 30 || !q.more);
    ck_assert_int_eq(queuecount_add(&q, "split", limit, 5), 0);
    ck_assert_uint_eq(q.files, limit < 76 ? limit : 76);
    ck_assert(limit == 30 || limit == 76 || q.more == (limit < 76));
  }
}
END_TEST

START_TEST(unknown)
{
  queuecount q = count("flat", 0, 0);

  ck_assert_int_eq(queuecount_add(&q, "absent", 0, 0), -1);
  ck_assert_int_eq(errno, ENOENT);
  ck_assert_int_eq(queuecount_add(&q, "flat/7000", 0, 0), -1);
  ck_assert_int_eq(errno, ENOTDIR);
  ck_assert_uint_eq(q.files, 30);
}
END_TEST

START_TEST(unreadable)
{
  queuecount q = QUEUECOUNT_ZERO;
  int root = !getuid();

  /* Root reads everything, so it becomes somebody else: the test is a process of its own. */
  ck_assert(!chmod("split/7", root ? 0700 : 0));
  if (root) ck_assert_int_eq(setuid(65534), 0);
  ck_assert_int_eq(queuecount_add(&q, "split", 0, 0), -1);
  ck_assert_int_eq(errno, EACCES);
  ck_assert_uint_eq(q.files, 0);
  if (!root) ck_assert_int_eq(chmod("split/7", 0755), 0);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("queuecount");
  TCase *t = tcase_create("queuecount");

  unit_in_directory(t);
  tcase_add_unchecked_fixture(t, make_queues, 0);
  tcase_add_test(t, exact);
  tcase_add_test(t, limits);
  tcase_add_test(t, unknown);
  tcase_add_test(t, unreadable);
  suite_add_tcase(s, t);
  return unit_run(s);
}
