#ifndef TESTS_UNIT_FOLDER_H
#define TESTS_UNIT_FOLDER_H

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

/* A directory of a test case's own, which its tests work in. It is removed with all that they leave in it. */
static char unit_directory[] = "/tmp/mailctl-unit.XXXXXX";

static inline void unit_enter(void)
{
  ck_assert_ptr_nonnull(mkdtemp(unit_directory));
  ck_assert_int_eq(chmod(unit_directory, 0755), 0);
  ck_assert_int_eq(chdir(unit_directory), 0);
}

static inline void unit_leave(void)
{
  ck_assert_int_eq(chdir("/"), 0);
  rm_rf(unit_directory);
}

/* Not a checked fixture: its teardown is skipped when a test fails. */
static inline void unit_in_directory(TCase *t)
{
  tcase_add_unchecked_fixture(t, unit_enter, unit_leave);
}

#endif
