#include <string.h>

#include <runlib/block.h>
#include <runlib/source.h>

#include "unit.h"

/* An address's 16 bytes. */
static unsigned char const *ip(char const *text)
{
  static net n;

  ck_assert_int_eq(nets_scan(text, &n), 1);
  return n.ip;
}

START_TEST(scan)
{
  static struct
  {
    char const *text, *form;
  } const good[] = {{"192.0.2.1", "192.0.2.1"},          {"192.0.2.77/24", "192.0.2.0/24"},
                    {"192.0.2.", "192.0.2.0/24"},        {"10.", "10.0.0.0/8"},
                    {"0.0.0.0/0", "0.0.0.0/0"},          {"2001:DB8::1", "2001:db8::1"},
                    {"2001:db8::1/32", "2001:db8::/32"}, {"::/0", "::/0"},
                    {"::ffff:192.0.2.1", "192.0.2.1"}};
  static char const *const bad[] = {
      "",           "192.0.2",   "192.0.2.1/33",
      "192.0.2.1/", "1.2.3.4.",  "::1/129",
      "x",          "1.2.3.256", "192.0.2./24",
      "::g",        "....",      "0000000000000000000000000000000000000000000000000000000000000000000001"};
  char form[NET_FMT];
  net n;

  for (unsigned int i = 0; i < sizeof good / sizeof good[0]; i++)
  {
    ck_assert_msg(nets_scan(good[i].text, &n), "%s", good[i].text);
    ck_assert_uint_eq(nets_fmt(form, &n), strlen(good[i].form));
    ck_assert_str_eq(form, good[i].form);
  }
  for (unsigned int i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg(!nets_scan(bad[i], &n), "%s", bad[i]);
}
END_TEST

START_TEST(find)
{
  static char const *const list[] = {"192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "198.51.100.0/25"};
  nets s = NETS_ZERO;
  net n;

  nets_sort(&s);
  ck_assert_ptr_null(nets_find(&s, ip("192.0.2.1"), 0));
  for (unsigned int i = 0; i < sizeof list / sizeof list[0]; i++)
  {
    nets_scan(list[i], &n);
    n.until = 100;
    nets_add(&s, &n);
  }
  nets_scan("192.0.2.7", &n);
  n.until = 200; /* said twice: the longer holds */
  nets_add(&s, &n);
  nets_sort(&s);
  ck_assert_ptr_nonnull(nets_find(&s, ip("192.0.2.255"), 99));
  ck_assert_ptr_null(nets_find(&s, ip("192.0.2.255"), 100));
  ck_assert_ptr_nonnull(nets_find(&s, ip("192.0.2.7"), 199));
  ck_assert_ptr_null(nets_find(&s, ip("192.0.2.7"), 200));
  ck_assert_ptr_null(nets_find(&s, ip("192.0.3.0"), 0));
  ck_assert_ptr_null(nets_find(&s, ip("198.51.100.128"), 0));
  ck_assert_ptr_nonnull(nets_find(&s, ip("2001:db8:ffff::1"), 0));
  nets_free(&s);
}
END_TEST

START_TEST(lines)
{
  static char const *const wrong[] = {"192.0.2.1",
                                      "192.0.2.1 block",
                                      "192.0.2.1 drop -",
                                      "x block -",
                                      "192.0.2.1 block 2026-11-28",
                                      "192.0.2.1 block 2026-11-28T15:40:00Zx",
                                      "192.0.2.1 block 1969-11-28T15:40:00Z"};
  char line[128], time[BLOCK_TIME];
  block b;

  strcpy(line, " \t192.0.2.1\tblock 2026-11-28T15:40:00Z  sent  nonsense ");
  ck_assert_int_eq(block_scan(line, &b), 1);
  ck_assert_uint_eq(b.net.until, 1795880400);
  ck_assert_str_eq(b.reason, "sent  nonsense ");
  ck_assert(!b.pass);
  block_time(time, b.net.until);
  ck_assert_str_eq(time, "2026-11-28T15:40:00Z");
  strcpy(line, "::/0 pass -");
  ck_assert_int_eq(block_scan(line, &b), 1);
  ck_assert(b.pass && b.net.until == NET_EVER && !*b.reason);
  block_time(time, NET_EVER);
  ck_assert_str_eq(time, "-");
  for (unsigned int i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
  {
    strcpy(line, wrong[i]);
    ck_assert_msg(block_scan(line, &b) == -1, "%s", wrong[i]);
  }
  strcpy(line, "# block");
  ck_assert_int_eq(block_scan(line, &b), 0);
}
END_TEST

/* One client is one source, however its address is written. */
START_TEST(sources)
{
  ck_assert(source_number("192.0.2.1") && source_number("192.0.2.1") == source_number("::ffff:192.0.2.1"));
  ck_assert(source_number("::FFFF:c000:201") == source_number("192.0.2.1"));
  ck_assert(source_number("::ffff:192.0.2.2") != source_number("192.0.2.1"));
  ck_assert(source_number("2001:db8::1") &&
            source_number("2001:db8::1") == source_number("2001:DB8:0:0:1::2"));
  ck_assert(source_number("2001:db8::1") != source_number("2001:db8:0:1::1") && !source_number("x"));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("nets");
  TCase *t = tcase_create("nets");

  tcase_add_test(t, scan);
  tcase_add_test(t, find);
  tcase_add_test(t, lines);
  tcase_add_test(t, sources);
  suite_add_tcase(s, t);
  return unit_run(s);
}
