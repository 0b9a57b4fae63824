#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ctl/bundle.h>
#include <ctl/conf.h>
#include <ctl/kinds.h>

#include "unit.h"

/* Reads a configuration again and again, while the first, the second, the third ... allocation fails. */

static key const keys[] = {
    {.name = "listen", .type = KEY_ADDRESSES, .fallback = "127.0.0.1:80", .help = "where"},
    {.name = "rule", .type = KEY_TEXT, .repeat = 1, .help = "what"},
    {.name = "root", .type = KEY_PATH, .fallback = "pages", .help = "where the pages are"},
    {.name = 0}};
static service_kind const web_kinds[] = {
    {.section = {.name = "web", .argument = "NAME", .help = "x", .keys = keys}}, {.section = {.name = 0}}};
service_kind const *const kinds[] = {web_kinds, 0};

#if UNIT_OWN_MALLOC

static char const text[] =
    "[bundle]\nhostname = a.b\nrun = r\n[web a]\nlisten = 127.0.0.1:1\nrule = x\nrule = y\n"
    "root = p/q\n[web b]\nlisten = 127.0.0.1:2\nlsten = 1\nrule = z\n";

/* Under the sanitizers malloc is theirs, and this test has nothing to replace. */
extern void *__libc_malloc(size_t);
extern void *__libc_realloc(void *, size_t);
extern void __libc_free(void *);

static unsigned int until; /* 1: the next allocation fails; 0: none does */

static long held; /* allocations not freed yet */

static int fails(void)
{
  return until && !--until;
}

void *malloc(size_t n)
{
  if (!fails())
  {
    held++;
    return __libc_malloc(n);
  }
  errno = ENOMEM;
  return 0;
}

void *realloc(void *p, size_t n)
{
  if (!fails())
  {
    held += !p;
    return __libc_realloc(p, n);
  }
  errno = ENOMEM;
  return 0;
}

void free(void *p)
{
  held -= p != 0;
  __libc_free(p);
}

/* Returns whether the failure came to pass. */
static int parse_with_failure(unsigned int nth)
{
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;
  bundle b;
  long before = held;
  int result;

  until = nth;
  result = conf_parse(&c, "/f", text, sizeof text - 1, &r);
  nth = until;
  until = 0;
  if (result < 0)
  {
    ck_assert_uint_eq(nth, 0);
    ck_assert_int_eq(errno, ENOMEM);
  }
  else if (!bundle_fill(&b, &c, "", "", 0)) /* what failed was the text of a report, or nothing */
    ck_assert_uint_eq(r.errors, 1);
  conf_free(&c);
  report_free(&r);
  ck_assert_int_eq(held, before);
  return !nth;
}

START_TEST(every_allocation)
{
  unsigned int nth = 1;

  while (parse_with_failure(nth)) nth++;
  ck_assert_uint_gt(nth, 20);
}
END_TEST

#endif

int main(void)
{
  Suite *s = suite_create("confmemory");
  TCase *t = tcase_create("confmemory");

#if UNIT_OWN_MALLOC
  tcase_add_test(t, every_allocation);
#endif
  suite_add_tcase(s, t);
  return unit_run(s);
}
