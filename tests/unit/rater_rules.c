#include <errno.h>
#include <string.h>

#include <services/rater/glob.h>
#include <services/rater/rules.h>

#include "unit.h"

static struct
{
  char const *pattern, *value;
  int match;
} const globs[] = {
    {"*", "", 1},
    {"*", "anything", 1},
    {"", "", 1},
    {"", "a", 0},
    {"joe", "joe", 1},
    {"joe", "joex", 0},
    {"joe", "jo", 0},
    {"j?e", "joe", 1},
    {"j?e", "je", 0},
    {"*@example.test", "a@example.test", 1},
    {"*@example.test", "a@example.tes", 0},
    {"a*b*c", "aXbYbZc", 1},
    {"a*b*c", "aXbYbZ", 0},
    {"[abc]", "b", 1},
    {"[a-c]x", "bx", 1},
    {"[!a-c]", "b", 0},
    {"[^a-c]", "d", 1},
    {"[]]", "]", 1},
    {"[a-]", "-", 1},
    {"\\*", "*", 1},
    {"\\*", "x", 0},
    {"[\\]]", "]", 1},
    {"a\\ b", "a b", 1},
    {"**a", "a", 1},
    {"a**", "a", 1},
    {"[\x80-\xff]", "\xe9", 1},
    {"a*a*a*a*a*a*a*a*a*a*b",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0},
};

START_TEST(glob)
{
  char const *p = globs[_i].pattern;
  ck_assert_ptr_null(glob_wrong(p, strlen(p)));
  ck_assert_msg(glob_match(p, strlen(p), globs[_i].value, strlen(globs[_i].value)) == globs[_i].match,
                "%s against %s", p, globs[_i].value);
}
END_TEST

static struct
{
  char const *line;
  char const *back; /* what rule_fmt makes of it; 0: an error, or nothing */
  char const *error;
} const lines[] = {
    {"logins * 10/1h", "* 10/1h", 0},
    {"  logins\t*  10/h\r", "* 10/1h", 0},
    {"logins * 10/60", "* 10/1m", 0},
    {"logins * 10/90s burst 20", "* 10/90s burst 20", 0},
    {"logins * 10/1h burst 10 leaky", "* 10/1h", 0},
    {"logins * 10/1h strict observe penalty 10m", "* 10/1h strict observe penalty 10m", 0},
    {"bytes *@example.test 2M/1d", "*@example.test 2097152/1d", 0},
    {"a a\\ b 1/1s", "a\\ b 1/1s", 0},
    {"ip ::/0 100/1m group /64", "::/0 100/1m group /64", 0},
    {"ip 10.0.0.0/8 100/1m group 24", "10.0.0.0/8 100/1m group /24", 0},
    {"ip 127.0.0.1 unlimited", "127.0.0.1 unlimited", 0},
    {"ip * 1/250ms", "* 1/250ms", 0},
    {"a * 1/49d", "* 1/7w", 0},
    {"a *@Example.TEST 1/1s", "*@example.test 1/1s", 0},
    {"a askers=0,65534", 0, 0},
    {"a askers=root", 0, 0},
    {"a askers= 1/1s", "askers= 1/1s", 0},
    {"a askers=x 1/1s", "askers=x 1/1s", 0},
    {"a askers=no-such-user", 0, "there is no user no-such-user"},
    {"a askers=0,,1", 0, "is no user"},
    {"a * 10/1m 100/1h", "* 10/1m 100/1h", 0},
    {"a * 10/1m burst 20 100/h strict", "* 10/1m burst 20 100/1h strict", 0},
    {"a * 1/s 2/m 3/h 4/d 5/w", 0, "more than 4"},
    {"a * 1/1h strict forgiving penalty 1m", "* 1/1h forgiving penalty 1m", 0},
    {"a * 1/1h forgiving leaky", "* 1/1h", 0},
    {"a * 1/1h burst 2 forgiving", 0, "neither burst nor delay"},
    {"a * 1/1h 1/47d forgiving penalty 2d", 0, "more than 48d together"},
    {"a * 1/1h delay 30s", "* 1/1h delay 30s", 0},
    {"a * 1/1h delay 2h", 0, "not a time of 1ms to 1h"},
    {"a * 1/1h unlimited", 0, "is none of"},
    {"a * 5/1h shared strict", "* 5/1h strict shared", 0},
    {"a * 5/1h shared local", "* 5/1h", 0},
    {"a * 5/1h 9/1d shared", 0, "shared is for one limit"},
    {"a * 5/1h shared penalty 1m", 0, "shared is for one limit"},
    {"a * 5000/1s shared", "* 5000/1s shared", 0},
    {"a * 500000/1s shared", 0, "more than 100 a millisecond"},
    {"a * 1/7w burst 1000000 shared", 0, "shared: too large"},
    {"a * unlimited 1/1h", 0, "takes no options"},
    {"a * 1/1h burst 9999999999999999999", 0, "18 digits at most"},
    {"a * 1/1h penalty 9999999999999999999s", 0, "penalty"},
    {"a policy=RCPT sasl_username", 0, 0},
    {"a policy=END-OF-MESSAGE sender size", 0, 0},
    {"a policy=RCPT", 0, "value that is counted is missing"},
    {"a policy=rcpt sender", 0, "is none of"},
    {"a policy= sender", 0, "is none of"},
    {"a policy=HELO EHLO x", 0, "is no value to count"},
    {"a policy=RCPT sender bytes", 0, "neither recipient_count nor size"},
    {"a policy=RCPT sender size x", 0, "too much"},
    {"a policy=RCPT 1/1s", "policy=rcpt 1/1s", 0},
    {"", 0, 0},
    {"# a * 1/1s", 0, 0},
    {"   # x", 0, 0},
    {"logins", 0, "pattern: missing"},
    {"logins *", 0, "limit: missing"},
    {"logins * ten/1h", 0, "`ten/1h` is not COUNT/PERIOD"},
    {"logins * 10", 0, "is not COUNT/PERIOD"},
    {"logins * 10/", 0, "is not COUNT/PERIOD"},
    {"logins * 10/1x", 0, "is not COUNT/PERIOD"},
    {"logins * 10/1h1h", 0, "is not COUNT/PERIOD"},
    {"logins * -1/1h", 0, "is not COUNT/PERIOD"},
    {"logins * 0/1h", 0, "would refuse everything"},
    {"logins * 1/0", 0, "a PERIOD is"},
    {"logins * 1/50d", 0, "a PERIOD is"},
    {"logins * 999999999999999999/1d", 0, "too large"},
    {"logins * 9999999999999999999999/1d", 0, "18 digits at most"},
    {"logins * 18446744073709551616/1d", 0, "18 digits at most"},
    {"logins * 1/1h burst", 0, "burst: its value is missing"},
    {"logins * 1/1h burst 0", 0, "burst: `0`"},
    {"logins * 1/1h burst 100000000000000000", 0, "too large"},
    {"logins * 1/1h sometimes", 0, "`sometimes` is none of"},
    {"logins * 1/1h group /64", 0, "not an address"},
    {"logins * unlimited strict", 0, "takes no options"},
    {"logins * 1/1h penalty x", 0, "penalty: `x`"},
    {"logins * 1/1h penalty 49d", 0, "penalty: a time is"},
    {"logins [a 1/1h", 0, "without its `]`"},
    {"ip 10.0.0.1/8 1/1h", 0, "bits set behind its prefix"},
    {"ip 10.0.0.0/8 1/1h group /33", 0, "not a prefix length, /0 to /32"},
    {"!stats * 1/1h", 0, "class: `!stats`"},
    {"a=b * 1/1h", 0, "class: `a=b`"},
    {"abcdefghijklmnopqrstuvwxyz0123456 * 1/1h", 0, "class:"},
};

START_TEST(line)
{
  rules r = {.n = 0};
  stralloc sa = STRALLOC_ZERO;
  char error[RULES_ERROR_MAX] = "";
  char const *s = lines[_i].line;
  int result = rules_add(&r, s, strlen(s), error);

  if (lines[_i].error)
  {
    ck_assert_int_eq(result, -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_msg(strstr(error, lines[_i].error) != 0, "%s: %s", s, error);
    ck_assert_uint_eq(r.total, 0);
  }
  else
  {
    ck_assert_msg(!result, "%s: %s", s, error);
    ck_assert_uint_eq(r.total, !!lines[_i].back);
  }
  if (lines[_i].back)
  {
    ck_assert(!rule_fmt(genalloc_s(rule, &r.classes[0].rules), &sa) && stralloc_0(&sa));
    ck_assert_str_eq(sa.s, lines[_i].back);
  }
  stralloc_free(&sa);
  rules_free(&r);
}
END_TEST

static char const file[] = "# who may do what how often\n"
                           "logins *@vip.test 100/1h\n"
                           "logins * 10/1h\n"
                           "\n"
                           "ip 127.0.0.0/8 unlimited\n"
                           "ip 192.0.2.0/24 5/1m group /28\n"
                           "ip 0.0.0.0/0 5/1m\n"
                           "ip 2001:db8::/32 5/1m group /64\n"
                           "ip ::/0 5/1m group /48\n";

static struct
{
  char const *class, *value;
  int rule;         /* its place in the class; -1: none */
  char const *name; /* what it is called */
} const values[] = {
    {"logins", "joe@vip.test", 0, "joe@vip.test"},
    {"logins", "joe", 1, "joe"},
    {"ip", "127.0.0.1", 0, "127.0.0.1"},
    {"ip", "192.0.2.17", 1, "192.0.2.16/28"},
    {"ip", "192.0.3.1", 2, "192.0.3.1"},
    {"ip", "::ffff:192.0.3.1", 2, "192.0.3.1"},
    {"ip", "::ffff:c000:301", 2, "192.0.3.1"},
    {"ip", "2001:db8::1", 3, "2001:db8::/64"},
    {"ip", "2001:0DB8:0:0:ffff::1", 3, "2001:db8::/64"},
    {"ip", "2001:db9:1:2::1", 4, "2001:db9:1::/48"},
    {"ip", "2001:db9:1::/48", 4, "2001:db9:1::/48"},
    {"ip", "2001:db9:1:2::/64", -1, "2001:db9:1:2::/64"}, /* no group of that rule, and so not a network */
    {"ip", "192.0.2.1/28", -1, "192.0.2.1/28"},
    {"ip", "192.0.2.16/28", 1, "192.0.2.16/28"},
    {"ip", "joe", -1, "joe"},
    {"ip", "1.2.3", -1, "1.2.3"},
    {"ip", "", -1, ""},
};

START_TEST(match)
{
  rules r = {.n = 0};
  stralloc errors = STRALLOC_ZERO;
  subject s;
  char name[64];
  size_t n = strlen(values[_i].value);
  class *c;

  ck_assert_int_eq(rules_parse(&r, "rules", file, sizeof file - 1, &errors), 0);
  c = rules_class(&r, values[_i].class, strlen(values[_i].class));
  ck_assert_ptr_nonnull(c);
  class_match(c, values[_i].value, n, 1, &s);
  ck_assert_int_eq(s.rule ? s.rule - genalloc_s(rule, &c->rules) : -1, values[_i].rule);
  n = subject_name(&s, values[_i].value, n, name, sizeof name - 1);
  name[n] = 0;
  ck_assert_str_eq(name, values[_i].name);
  ck_assert_ptr_null(rules_class(&r, "log", 3));
  rules_free(&r);
}
END_TEST

/* Rules behind one that takes all of theirs. */
static struct
{
  char const *text;
  int good;
} const orders[] = {
    {"a joe 1/1s\na * 1/1s\n", 1},
    {"a * 1/1s\na joe 1/1s\n", 0},
    {"a * 1/1s\nb joe 1/1s\n", 1},
    {"a *@x 1/1s\na *@X 2/1s\n", 0},
    {"a 10.0.0.0/8 1/1s\na 10.1.0.0/16 1/1s\n", 0},
    {"a 10.1.0.0/16 1/1s\na 10.0.0.0/8 1/1s\n", 1},
    {"a 0.0.0.0/0 1/1s\na ::/0 1/1s\na * 1/1s\n", 1},
    {"a * 1/1s\na ::/0 1/1s\n", 0},
    {"a askers=0\na * 1/1s\n", 1},
};

START_TEST(order)
{
  rules r = {.n = 0};
  stralloc errors = STRALLOC_ZERO;
  char const *s = orders[_i].text;

  ck_assert_msg((rules_parse(&r, "rules", s, strlen(s), &errors) == 0) == orders[_i].good, "%s", s);
  if (!orders[_i].good)
  {
    ck_assert(stralloc_0(&errors));
    ck_assert_ptr_nonnull(strstr(errors.s, "rules:2: pattern: "));
    ck_assert_ptr_nonnull(strstr(errors.s, "can never match"));
  }
  stralloc_free(&errors);
  rules_free(&r);
}
END_TEST

static struct
{
  char const *value, *one;
} const forms[] = {
    {"joe", "joe"},
    {"Joe@EXAMPLE.Test", "joe@example.test"},
    {"example.test.", "example.test"},
    {".", "."},
    {"", ""},
    {"::FFFF:192.0.2.1", "192.0.2.1"},
    {"2001:0DB8::0:1", "2001:db8::1"},
    {"::", "::"},
    {"192.0.2.1.", "192.0.2.1"},
    {"1.2.3", "1.2.3"},
    {"fade", "fade"},
    {"JOS\xc9", "jos\xc9"},
    {"10.0.0.0/8", "10.0.0.0/8"},
};

START_TEST(one_form)
{
  char out[VALUE_ROOM(64)];
  size_t n = value_canonical(out, forms[_i].value, strlen(forms[_i].value));

  out[n] = 0;
  ck_assert_str_eq(out, forms[_i].one);
}
END_TEST

START_TEST(errors_have_lines)
{
  static char const bad[] = "a * 1/1h\nb * x\n\n# c\nc\n";
  rules r = {.n = 0};
  stralloc errors = STRALLOC_ZERO;

  ck_assert_int_eq(rules_parse(&r, "data/rules", bad, sizeof bad - 1, &errors), -1);
  ck_assert_int_eq(errno, EINVAL);
  ck_assert(stralloc_0(&errors));
  ck_assert_ptr_nonnull(strstr(errors.s, "data/rules:2: limit: `x`"));
  ck_assert_ptr_nonnull(strstr(errors.s, "data/rules:5: pattern: missing"));
  stralloc_free(&errors);
  rules_free(&r);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("rater_rules");
  TCase *t = tcase_create("rules");

  tcase_add_loop_test(t, glob, 0, sizeof globs / sizeof globs[0]);
  tcase_add_loop_test(t, line, 0, sizeof lines / sizeof lines[0]);
  tcase_add_loop_test(t, match, 0, sizeof values / sizeof values[0]);
  tcase_add_loop_test(t, order, 0, sizeof orders / sizeof orders[0]);
  tcase_add_loop_test(t, one_form, 0, sizeof forms / sizeof forms[0]);
  tcase_add_test(t, errors_have_lines);
  suite_add_tcase(s, t);
  return unit_run(s);
}
