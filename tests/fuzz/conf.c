#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <services/contract/bundle.h>

#include <ctl/conf/conf.h>
#include <ctl/plan/manifest.h>
#include <ctl/plan/plan.h>

/*
 * Any bytes at all as a mailctl.conf: they are refused, or make a bundle that can be used, and a plan that
 * is the same the second time.
 */

extern int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len);

static void plan_twice(bundle const *b)
{
  report r = REPORT_ZERO;
  plan one = PLAN_ZERO, other = PLAN_ZERO;
  stralloc first = STRALLOC_ZERO, second = STRALLOC_ZERO;

  if (plan_make(&one, b, &r) < 0 || plan_make(&other, b, &r) < 0) abort();
  if (!r.errors)
  {
    if (plan_manifest(&one, &first) < 0 || plan_manifest(&other, &second) < 0) abort();
    if (first.len != second.len || memcmp(first.s, second.s, first.len)) abort();
  }
  plan_free(&one);
  plan_free(&other);
  stralloc_free(&first);
  stralloc_free(&second);
  report_free(&r);
}

static void plan_it(conf const *c)
{
  bundle b;
  section const *s = genalloc_s(section, &c->sections);

  if (bundle_fill(&b, c, "/libexec", "/bin", 1) < 0) abort();
  if (b.control[0] != '/' || b.run[0] != '/' || !*b.hostname) abort();
  for (size_t n = genalloc_len(section, &c->sections); n; n--, s++)
    for (key const *k = s->kind->keys; k && k->name; k++)
      if (k->fallback && !section_value(s, k->name)) abort();
  plan_twice(&b);
}

int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;

  if (conf_parse(&c, "/etc/mailctl/mailctl.conf", (char const *)bytes, len, &r) < 0) abort();
  if (!r.errors) plan_it(&c);
  if (r.errors && !r.text.len) abort();
  conf_free(&c);
  report_free(&r);
  return 0;
}
