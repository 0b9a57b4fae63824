#include <stdio.h>
#include <string.h>

#include <services/dkim/canon.h>
#include <services/dkim/sign.h>

#include "unit.h"

static struct
{
  char const *text;
  char const *canonical;
} const bodies[] = {
    {"", ""},
    {"\n\n", ""},
    {" \n\t\n", ""},
    {"a", "a\r\n"},
    {" C \nD \t E\n\n\n", " C\r\nD E\r\n"}, /* RFC 6376, 3.4.5 */
    {"\na\n\n b\n", "\r\na\r\n\r\n b\r\n"},
    {"a\rb\r\n", "a b\r\n"},
    {"a \r\n", "a\r\n"},
    {"a\r", "a\r\n"},
};

START_TEST(body_is_canonical)
{
  for (unsigned int step = 0; step < 2; step++)
  {
    body_canon b = BODY_CANON_ZERO;
    stralloc out = STRALLOC_ZERO;
    size_t n = strlen(bodies[_i].text);
    for (size_t i = 0; i < n; i += step ? 1 : n)
      ck_assert_int_eq(body_canon_put(&b, &out, bodies[_i].text + i, step ? 1 : n), 0);
    ck_assert_int_eq(body_canon_end(&b, &out), 0);
    ck_assert(stralloc_0(&out));
    ck_assert_str_eq(out.s, bodies[_i].canonical);
    stralloc_free(&out);
  }
}
END_TEST

START_TEST(fields_are_canonical)
{
  static char const header[] = "A: X\nB : Y\t\r\n\tZ  \r\nC:\n\n";
  static char const *const wanted[] = {"a:X\r\n", "b:Y Z\r\n", "c:\r\n"}; /* RFC 6376, 3.4.5 */
  char const *s = header, *end = header + sizeof header - 1;
  field f;

  for (unsigned int i = 0; i < 3; i++)
  {
    stralloc out = STRALLOC_ZERO;
    ck_assert_int_eq(canon_field_next(&s, end, &f), 1);
    ck_assert_int_eq(field_canon(&out, &f, 0), 0);
    ck_assert(stralloc_0(&out));
    ck_assert_str_eq(out.s, wanted[i]);
    stralloc_free(&out);
  }
  ck_assert_int_eq(canon_field_next(&s, end, &f), 0);
}
END_TEST

static struct
{
  char const *value;
  char const *domain;
} const froms[] = {
    {" joe@Example.ORG\n", "example.org"},
    {" Joe <joe@a.test>", "a.test"},
    {" \"x@evil.test\" <joe@a.test>", "a.test"},
    {" x@evil.test (c) <joe@a.test>", "a.test"},
    {" (a (b@c) \\) d@e) joe@a.test (comment)", "a.test"},
    {" \"a\\\"@b\"@c.test", "c.test"},
    {" joe@a.test, ann@b.test", "a.test"},
    {" joe@[1.2.3.4]", 0},
    {" joe", 0},
    {" joe@..", 0},
    {" joe@../../etc", 0},
    {"", 0},
};

START_TEST(domain_is_found)
{
  char domain[256];
  int result = from_domain(froms[_i].value, strlen(froms[_i].value), domain);

  ck_assert_int_eq(result, froms[_i].domain ? 0 : -1);
  if (!result) ck_assert_str_eq(domain, froms[_i].domain);
}
END_TEST

static struct
{
  char const *text;
  size_t header;
} const messages[] = {
    {"A: b\n\nc\n", 5}, {"A: b\r\n\r\nc\r\n", 6}, {"A: b\n", 5}, {"A: b\nC: d\n\n", 10}, {"A: b", 4}, {"", 0},
};

START_TEST(header_ends_at_the_empty_line)
{
  stralloc header = STRALLOC_ZERO;
  FILE *f = tmpfile();

  ck_assert_ptr_nonnull(f);
  fputs(messages[_i].text, f);
  fflush(f);
  ck_assert_int_eq(sign_read_header(fileno(f), strlen(messages[_i].text), &header), 0);
  ck_assert_uint_eq(header.len, messages[_i].header);
  fclose(f);
  stralloc_free(&header);
}
END_TEST

#define EACH(test, table) tcase_add_loop_test(t, test, 0, (int)(sizeof(table) / sizeof(table)[0]))

int main(void)
{
  Suite *s = suite_create("dkim");
  TCase *t = tcase_create("dkim");

  EACH(body_is_canonical, bodies);
  tcase_add_test(t, fields_are_canonical);
  EACH(domain_is_found, froms);
  EACH(header_ends_at_the_empty_line, messages);
  suite_add_tcase(s, t);
  return unit_run(s);
}
