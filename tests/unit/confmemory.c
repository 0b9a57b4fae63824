#include <errno.h>
#include <string.h>

#include <services/contract/bundle.h>
#include <services/contract/kinds.h>

#include <ctl/conf/conf.h>

#include "memory.h"

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

/* Returns whether the failure came to pass. */
static int parse_with_failure(unsigned int nth)
{
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;
  bundle b;
  long before = memory.held;
  int result, failed;

  memory_lack(nth, 0);
  result = conf_parse(&c, "/f", text, sizeof text - 1, &r);
  failed = memory_back();
  if (result < 0)
  {
    ck_assert(failed);
    ck_assert_int_eq(errno, ENOMEM);
  }
  else if (!bundle_fill(&b, &c, "", "", 0)) /* what failed was the text of a report, or nothing */
    ck_assert_uint_eq(r.errors, 1);
  conf_free(&c);
  report_free(&r);
  ck_assert_int_eq(memory.held, before);
  return failed;
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
  if (memory_ours()) tcase_add_test(t, every_allocation);
#endif
  suite_add_tcase(s, t);
  return unit_run(s);
}
