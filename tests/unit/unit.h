#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

/* 0: AddressSanitizer brings an allocator of its own */
#if defined(__SANITIZE_ADDRESS__)
#define UNIT_OWN_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNIT_OWN_MALLOC 0
#endif
#endif
#ifndef UNIT_OWN_MALLOC
#define UNIT_OWN_MALLOC 1
#endif

/* The end of every unit test's main: runs the suite (TAP on stdout when prove asks for it) and tells. */
static inline int unit_run(Suite *suite)
{
  SRunner *runner = srunner_create(suite);
  int failed;

  srunner_run_all(runner, CK_ENV);
  failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
