#include <string.h>

#include <runlib/address.h>

#include "unit.h"

static struct
{
  char const *text;
  char const *back; /* 0: refused */
} const cases[] = {
    {"127.0.0.1:25", "127.0.0.1:25"},
    {"[::1]:2525", "[::1]:2525"},
    {"*:25", "*:25"},
    {"127.0.0.1:465/tls", "127.0.0.1:465/tls"},
    {"[0:0::1]:465/tls", "[::1]:465/tls"},
    {"127.0.0.1:65535", "127.0.0.1:65535"},
    {"127.0.0.1:0", "127.0.0.1:0"},
    {"127.0.0.1:65536", 0},
    {"127.0.0.1:", 0},
    {"127.0.0.1", 0},
    {":25", 0},
    {"::1:25", 0},
    {"localhost:25", 0},
    {"127.0.0.1:25/", 0},
    {"127.0.0.1:25/a b", 0},
    {"127.0.0.1:25x", 0},
    {"127.0.0.1:25/0123456789012345678901234567890123", 0},
    {"", 0},
};

START_TEST(scan)
{
  address a;
  char s[ADDRESS_FMT];
  char const *wrong = address_scan(cases[_i].text, &a);

  if (!cases[_i].back)
    ck_assert_ptr_nonnull(wrong);
  else
  {
    ck_assert_msg(!wrong, "%s: %s", cases[_i].text, wrong);
    ck_assert_uint_eq(address_fmt(s, &a), strlen(cases[_i].back));
    ck_assert_str_eq(s, cases[_i].back);
  }
}
END_TEST

static int clash(char const *x, char const *y)
{
  address a, b;
  ck_assert(!address_scan(x, &a) && !address_scan(y, &b));
  ck_assert_int_eq(address_clash(&a, &b), address_clash(&b, &a));
  return address_clash(&a, &b);
}

START_TEST(clashes)
{
  ck_assert(clash("127.0.0.1:25", "127.0.0.1:25/tls"));
  ck_assert(clash("*:25", "[::1]:25"));
  ck_assert(clash("0.0.0.0:25", "127.0.0.1:25"));
  ck_assert(!clash("127.0.0.1:25", "127.0.0.2:25"));
  ck_assert(!clash("127.0.0.1:25", "[::1]:25"));
  ck_assert(!clash("*:25", "*:26"));
  ck_assert(!clash("*:0", "*:0"));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("address");
  TCase *t = tcase_create("address");

  tcase_add_loop_test(t, scan, 0, sizeof cases / sizeof cases[0]);
  tcase_add_test(t, clashes);
  suite_add_tcase(s, t);
  return unit_run(s);
}
