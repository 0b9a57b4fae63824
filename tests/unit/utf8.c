#include <string.h>

#include <runlib/field.h>
#include <runlib/utf8.h>

#include "unit.h"

static struct
{
  char const *bytes;
  size_t max;
  char const *clean;
} const texts[] = {
    {"plain? yes", 99, "plain? yes"},
    {"gr\xc3\xbc\xc3\x9f \xe6\x97\xa5", 99, "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5"},
    {"a\033[2J\x7f\tb", 99, "a?[2J??b"},
    {"\xc2\x9b"
     "31m",
     99, "?31m"}, /* CSI, as a character */
    {"\x9b"
     "31m",
     99, "?31m"},                     /* as a byte */
    {"\xc2\xa0", 99, "\xc2\xa0"},     /* the first behind C1 */
    {"\xc0\xaf", 99, "??"},           /* overlong */
    {"\xed\xa0\x80", 99, "???"},      /* a surrogate */
    {"\xf4\x90\x80\x80", 99, "????"}, /* beyond Unicode */
    {"\xe2\x80\xae"
     "gpj",
     99, "?gpj"},                /* turns the direction of writing */
    {"ab\xe2\x82", 99, "ab??"},  /* cut short */
    {"ab\xe2\x82\xac", 4, "ab"}, /* no half of a character */
    {"ab\xe2\x82\xac", 5, "ab\xe2\x82\xac"},
};

START_TEST(cleaned)
{
  char s[100];

  field_clean(s, texts[_i].max, texts[_i].bytes, strlen(texts[_i].bytes));
  ck_assert_str_eq(s, texts[_i].clean);
}
END_TEST

/* Whatever the bytes: progress within them, and nothing that commands a terminal. */
START_TEST(any_bytes)
{
  unsigned int seed = (unsigned int)_i;
  char bytes[64];

  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)((seed = seed * 1103515245u + 12345u) >> 16);
  for (size_t i = 0; i < sizeof bytes;)
  {
    unsigned int u;
    size_t n = utf8_scan(&u, bytes + i, sizeof bytes - i);
    ck_assert_uint_ge(n, 1);
    ck_assert_uint_le(n, sizeof bytes - i);
    ck_assert(u >= 32 && u <= 0x10ffff && (u < 127 || u >= 0xa0) && (u < 0xd800 || u >= 0xe000));
    i += n;
  }
}
END_TEST

int main(void)
{
  Suite *s = suite_create("utf8");
  TCase *t = tcase_create("utf8");

  tcase_add_loop_test(t, cleaned, 0, (int)(sizeof texts / sizeof texts[0]));
  tcase_add_loop_test(t, any_bytes, 0, 100);
  suite_add_tcase(s, t);
  return unit_run(s);
}
