#include <string.h>

/* The decisions are static: a plugin is a program of its own. */
int tarpit_main(int argc, char const *const *argv);
#define main tarpit_main
#include <services/plugins/tarpit.c>
#undef main

#include "unit.h"

static struct
{
  char const *all;
  char const *count;
  char const *how;
  char const *max;
  unsigned int ms;
} const cases[] = {
    {"49", 0, 0, 0, 0},
    {"50", 0, 0, 0, 2000},
    {"99", 0, 0, 0, 2000},
    {"4", "5", "3", 0, 0},
    {"5", "5", "3", 0, 3000},
    {"9", "5", "3", 0, 3000},
    {"5", "5", "0", 0, 0},
    {"5", "5", "N", 0, 2000},
    {"7", "5", "N", 0, 6000},
    {"5", "5", "M", 0, 5000},
    {"7", "5", "M", 0, 15000},
    {"5", "5", "H", 0, 1000},
    {"7", "5", "H", 0, 9000},
    {"1", "0", "H", 0, 4000},
    {"100", "5", "H", 0, 20000},
    {"4294967295", "0", "H", 0, 20000},
    {"4294967295", "1", "M", "100", 100000},
    {"4294967295", "1", "M", "4294967295", 3600000},
    {"5", "5", "60", 0, 20000},
    {"5", "5", "60", "90", 60000},
    {"5", "5", "X", 0, 2000},
    {"5", "5", "99999999999", 0, 2000},
    {"5", "5", "", 0, 2000},
};

static void add(char const **vars, unsigned int *n, char *buf, char const *name, char const *value)
{
  if (!value) return;
  strcpy(buf, name);
  strcat(buf, value);
  vars[(*n)++] = buf;
}

START_TEST(tarpit)
{
  char buf[4][64];
  char const *vars[5] = {0};
  unsigned int n = 0;
  env e = {.vars = vars};
  decision d = DECISION_ZERO;

  add(vars, &n, buf[0], "SMTPRCPTCOUNTALL=", cases[_i].all);
  add(vars, &n, buf[1], "TARPITCOUNT=", cases[_i].count);
  add(vars, &n, buf[2], "TARPITDELAY=", cases[_i].how);
  add(vars, &n, buf[3], "TARPITMAX=", cases[_i].max);
  tarpit_decide(&e, &d);
  ck_assert_uint_eq(d.delay, cases[_i].ms);
  ck_assert_uint_eq(d.len, 0);
}
END_TEST

START_TEST(saying)
{
  decision d = DECISION_ZERO;
  char big[sizeof d.out];

  memset(big, 'x', sizeof big);
  big[sizeof big - 1] = 0;
  decision_say(&d, 'P', "250-%s", "a\r\nR451 b");
  ck_assert(d.len == 15 && !memcmp(d.out, "P250-a??R451 b\n", 15));
  decision_say(&d, 'S', "A=%s", "b");
  ck_assert(!d.ended);
  decision_say(&d, 'P', "%s", big);
  ck_assert(d.ended && d.log[0]);
  ck_assert(d.len == 20 && !memcmp(d.out + 15, "SA=b\n", 5));
  decision_say(&d, 'E', "550 no");
  ck_assert(d.len == 20);
}
END_TEST

START_TEST(ending)
{
  for (char const *c = "ANOERD"; *c; c++)
  {
    decision d = DECISION_ZERO;
    decision_say(&d, *c, "%s", *c == 'E' || *c == 'R' ? "451 x" : "");
    decision_say(&d, 'P', "250 x");
    ck_assert(d.len == (*c == 'E' || *c == 'R' ? 7 : 2));
  }
}
END_TEST

/* Every length around the end of the buffer: whole, or not at all. */
START_TEST(full)
{
  for (size_t n = 0; n < 10; n++)
  {
    decision d = DECISION_ZERO;
    char big[sizeof d.out + 8];

    memset(big, 'x', sizeof big);
    big[sizeof d.out - 8 + n] = 0;
    decision_say(&d, 'P', "%.*s", (int)(sizeof d.out - 8 + n), big);
    ck_assert(d.len == 0 || (d.len == sizeof d.out - 8 + n + 2 && d.out[d.len - 1] == '\n'));
  }
}
END_TEST

START_TEST(environment)
{
  char const *vars[] = {"AB=1", "A=", "N=12", "BIG=99999999999", "BAD=1x", 0};
  env e = {.vars = vars};
  unsigned int n = 7;

  ck_assert_str_eq(env_get(&e, "A"), "");
  ck_assert_ptr_null(env_get(&e, "B"));
  ck_assert(env_number(&e, "A", &n) == 0 && env_number(&e, "B", &n) == 0 && env_number(&e, "BAD", &n) == -1 &&
            env_number(&e, "BIG", &n) == -1 && n == 7);
  ck_assert(env_number(&e, "N", &n) == 1 && n == 12);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("plugins");
  TCase *t = tcase_create("plugins");

  tcase_add_loop_test(t, tarpit, 0, sizeof cases / sizeof cases[0]);
  tcase_add_test(t, saying);
  tcase_add_test(t, ending);
  tcase_add_test(t, full);
  tcase_add_test(t, environment);
  suite_add_tcase(s, t);
  return unit_run(s);
}
