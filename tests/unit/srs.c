#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <runlib/srs.h>

#include "unit.h"

#define NOW 1800000000u
static unsigned char const key[SRS_KEY] = "0123456789abcdef";
static unsigned char const other[SRS_KEY] = "0123456789abcdeg";

static char const *text(stralloc *sa)
{
  ck_assert(stralloc_0(sa));
  return sa->s;
}

static size_t local(char const *s)
{
  return (size_t)(strrchr(s, '@') - s);
}

static char const *const senders[] = {"joe@far.test", "Joe.Doe+x=y@Far.test", "a b@far.test", "srs0@far.test",
                                      "x@f-r.test"};

START_TEST(there_and_back)
{
  stralloc sa = STRALLOC_ZERO, back = STRALLOC_ZERO;
  char const *s;

  ck_assert_int_eq(srs_forward(&sa, key, NOW, senders[_i], "us.test"), 0);
  s = text(&sa);
  ck_assert_msg(srs_is(s) && !strncmp(s, "SRS0=", 5) && !strcmp(strrchr(s, '@'), "@us.test"), "%s", s);
  ck_assert_int_eq(srs_reverse(&back, key, NOW + SRS_DAYS * 86400, s, local(s)), 1);
  ck_assert_str_eq(text(&back), senders[_i]);
  back.len = 0;
  ck_assert_int_eq(srs_reverse(&back, key, NOW + (SRS_DAYS + 1) * 86400, s, local(s)), 0);
  ck_assert_int_eq(srs_reverse(&back, key, NOW - 86400, s, local(s)), 0);
  ck_assert_int_eq(srs_reverse(&back, other, NOW, s, local(s)), 0);
  for (size_t i = 5; i < local(s); i++) /* no byte of it may change */
  {
    char c = sa.s[i];
    sa.s[i] = c == 'q' ? 'r' : 'q';
    ck_assert_int_eq(srs_reverse(&back, key, NOW, s, local(s)), 0);
    sa.s[i] = c;
    ck_assert_int_eq(srs_reverse(&back, key, NOW, s, i), 0);
  }
  stralloc_free(&sa);
  stralloc_free(&back);
}
END_TEST

/* A second and a third forwarder: each gives back to the one before, or to the first. */
START_TEST(chain)
{
  stralloc one = STRALLOC_ZERO, two = STRALLOC_ZERO, three = STRALLOC_ZERO, back = STRALLOC_ZERO;

  ck_assert_int_eq(srs_forward(&one, other, NOW, "joe@far.test", "one.test"), 0);
  ck_assert_int_eq(srs_forward(&two, key, NOW, text(&one), "two.test"), 0);
  ck_assert_msg(!strncmp(text(&two), "SRS1=", 5), "%s", two.s);
  ck_assert_int_eq(srs_reverse(&back, key, NOW, two.s, local(two.s)), 1);
  ck_assert_str_eq(text(&back), one.s);
  ck_assert_int_eq(srs_forward(&three, other, NOW, two.s, "three.test"), 0);
  ck_assert(!strncmp(text(&three), "SRS1=", 5) && three.len < two.len + 5);
  back.len = 0;
  ck_assert_int_eq(srs_reverse(&back, other, NOW, three.s, local(three.s)), 1);
  ck_assert_str_eq(text(&back), one.s);
  stralloc_free(&one);
  stralloc_free(&two);
  stralloc_free(&three);
  stralloc_free(&back);
}
END_TEST

static char const *const others[] = {
    "", "joe", "SRS0", "SRS0=", "SRS1=", "SRS0=abcdefgh", "SRS0=abcdefgh=aa=x=y", "SRS2=a=b=c=d"};

START_TEST(foreign)
{
  stralloc back = STRALLOC_ZERO;

  ck_assert_int_eq(srs_reverse(&back, key, NOW, others[_i], strlen(others[_i])), 0);
  ck_assert_int_eq(back.len, 0);
}
END_TEST

START_TEST(case_of_letters)
{
  stralloc sa = STRALLOC_ZERO, back = STRALLOC_ZERO;

  ck_assert_int_eq(srs_forward(&sa, key, NOW, "Joe@far.test", "us.test"), 0);
  for (char *c = (char *)text(&sa); *c; c++)
    if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 32);
  ck_assert_int_eq(srs_reverse(&back, key, NOW, sa.s, local(sa.s)), 1);
  ck_assert_str_eq(text(&back), "joe@far.test");
  stralloc_free(&sa);
  stralloc_free(&back);
}
END_TEST

int main(void)
{
  TCase *t = tcase_create("srs");
  Suite *s = suite_create("srs");

  tcase_add_loop_test(t, there_and_back, 0, sizeof senders / sizeof *senders);
  tcase_add_loop_test(t, foreign, 0, sizeof others / sizeof *others);
  tcase_add_test(t, chain);
  tcase_add_test(t, case_of_letters);
  suite_add_tcase(s, t);
  return unit_run(s);
}
