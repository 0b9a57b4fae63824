#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/stralloc.h>

#include <services/rater/engine.h>

#include "unit.h"

static char const text[] = "logins * 3/1h\n"
                           "ip 0.0.0.0/0 2/1m\n"
                           "ip ::/0 2/1m group /64\n"
                           "watch * 1/1h observe\n"
                           "free vip unlimited\n"
                           "free v* 1/1h\n"
                           "bytes * 1000/1d burst 500\n"
                           "fail2 * 1/1m penalty 10m\n";

static engine e;
static char logged[4096];

static void note(char const *s, size_t n)
{
  size_t len = strlen(logged);
  if (len + n + 2 > sizeof logged) return;
  memcpy(logged + len, s, n);
  memcpy(logged + len + n, "\n", 2);
}

static void load(char const *s)
{
  rules *r = calloc(1, sizeof *r);
  stralloc errors = STRALLOC_ZERO;

  ck_assert(r && !rules_parse(r, "rules", s, strlen(s), &errors));
  engine_rules(&e, r);
}

static void start(void)
{
  table_news news;

  memset(&e, 0, sizeof e);
  ck_assert_int_eq(table_open(&e.table, 0, 1000, &news), 0);
  load(text);
  e.log = &note;
  e.now = e.started = 1000000;
}

static void stop(void)
{
  engine_free(&e);
}

static uid_t uid;

static char const *ask_as(unsigned int may, char const *line, size_t n)
{
  static stralloc out = STRALLOC_ZERO;

  out.len = 0;
  ck_assert_int_eq(engine_answer(&e, line, n, (asker){.may = may, .uid = uid}, &out), 0);
  ck_assert(out.len >= 2 && out.s[out.len - 1] == '\n' && out.s[out.len - 2] == '\r');
  ck_assert(stralloc_0(&out));
  ck_assert_ptr_eq(strchr(out.s, '\n'), out.s + out.len - 2);
  out.s[out.len - 3] = 0;
  return out.s;
}

static char const *ask(char const *line)
{
  return ask_as(ASKER_OWNER, line, strlen(line));
}

#define is(line, answer) ck_assert_str_eq(ask(line), answer)

START_TEST(one_count)
{
  is("logins Postmaster@EXAMPLE.TEST", "0 1/3");
  is("logins postmaster@example.test.", "0 2/3");
  is("!peek logins POSTMASTER@example.test", "0 2/3");
  is("logins ::ffff:192.0.2.9", "0 1/3");
  is("logins 192.0.2.9", "0 2/3");
  is("!reset logins 192.0.2.9", "0 1");
  /* what looks like a network, in a class with networks: as a check counts it */
  load("net 10.0.0.0/8 9/1h group /24\nnet * 2/1h\n");
  is("net 10.0.0.0/8", "0 1/2");
  is("!peek net 10.0.0.0/8", "0 1/2");
  is("!reset net 10.0.0.0/8", "0 1");
  is("net 10.1.2.3", "0 1/9");
  is("!peek net 10.1.2.0/24", "0 1/9");
}
END_TEST

START_TEST(taken_back)
{
  is("logins joe", "0 1/3");
  is("!undo 1 logins JOE", "0 1");
  is("!undo 1 logins nobody", "0 0");
  is("!undo 1 nosuch joe", "2 unknown class");
  is("!undo 0 logins joe", "2 not a number of 1 to 999999999999999999");
  is("!add 3 logins joe", "0 3/3");
  is("!undo 2 logins joe", "0 1");
  is("!peek logins joe", "0 1/3");
}
END_TEST

START_TEST(windows)
{
  load("two * 2/1m 3/1h\ntwo2 * 2/1m 3/1h strict\nsoft * 2/1m delay 1m\n");
  is("two joe", "0 1/2");
  is("two joe", "0 2/2");
  is("two joe", "1 3/2 30"); /* the hour's has not counted it */
  e.now += 30000;
  is("!peek two joe", "0 2/3");
  is("two joe", "0 2/2");
  is("two joe", "1 4/3 1170");
  is("!undo 1 two joe", "0 1");
  is("two joe", "0 2/2");
  is("!reset two joe", "0 1");
  is("!peek two joe", "0 0/2");
  is("!add 3 two joe", "1 3/2 -");
  is("!peek two joe", "0 0/2");
  is("!add 3 two2 joe", "1 3/2 -");
  is("!add 1 two2 joe", "1 4/3 2400");
  is("soft joe", "0 1/2");
  is("soft joe", "0 2/2");
  is("soft joe", "0 3/2 30");
  is("soft joe", "0 4/2 60");
  is("soft joe", "1 5/2 30");
  ck_assert_str_eq(ask_as(ASKER_TCP, "soft jim", 8), "0 1/2");
  e.now += 31000;
  ck_assert_str_eq(ask_as(ASKER_TCP, "soft joe", 8), "0 4/2");
}
END_TEST

static char const *policy(char const *lines)
{
  static stralloc out = STRALLOC_ZERO;
  static char copy[4096];
  policy_request r;

  snprintf(copy, sizeof copy, "request=smtpd_access_policy\n%s\n", lines);
  ck_assert_ptr_null(policy_request_read(&r, copy, strlen(copy)));
  out.len = 0;
  if (engine_policy(&e, &r, (asker){.may = ASKER_POLICY, .uid = uid}, &out) < 0) return "gone";
  ck_assert(stralloc_0(&out));
  out.s[strcspn(out.s, "\n")] = 0;
  return out.s;
}

#define asks(lines, answer) ck_assert_str_eq(policy(lines), answer)

START_TEST(policy_protocol)
{
  char const again[] = "action=DEFER_IF_PERMIT 4.7.1 too often: come again in 1800 seconds";

  load("user * 10/1h\nuser policy=END-OF-MESSAGE sasl_username recipient_count\n"
       "ip 0.0.0.0/0 2/1h\nip policy=HELO client_address\nip policy=RCPT client_address\n"
       "from * 5/1h\nfrom policy=RCPT sender\nmine * 1/1h\nmine askers=4711\n");
  asks("protocol_state=END-OF-MESSAGE\nsasl_username=joe\nrecipient_count=6\n", "action=DUNNO");
  asks("protocol_state=END-OF-MESSAGE\nsasl_username=joe\nrecipient_count=6\n",
       "action=DEFER_IF_PERMIT 4.7.1 too often: come again in 720 seconds");
  asks("protocol_state=END-OF-MESSAGE\nsasl_username=joe\nrecipient_count=11\n",
       "action=554 5.7.1 more at once than is ever allowed");
  asks("protocol_state=END-OF-MESSAGE\nsasl_username=\nrecipient_count=60\n", "action=DUNNO");
  asks("protocol_state=END-OF-MESSAGE\nsasl_username=joe\nrecipient_count=-1\n", "action=DUNNO");
  is("!peek user joe", "0 6/10");
  /* one refuses: nobody counts */
  asks("protocol_state=EHLO\nclient_address=192.0.2.1\nsender=a@b\n", "action=DUNNO");
  asks("protocol_state=RCPT\nclient_address=192.0.2.1\nsender=a@b\n", "action=DUNNO");
  asks("protocol_state=RCPT\nclient_address=192.0.2.1\nsender=a@b\n", again);
  is("!peek from A@B", "0 1/5");
  load("from * 1/1h\nfrom policy=RCPT sender\nip 0.0.0.0/0 9/1h\nip policy=RCPT client_address\n"
       "late * 1/1h\nlate policy=RCPT recipient\n");
  asks("protocol_state=RCPT\nclient_address=192.0.2.1\nsender=new@b\nrecipient=x\n", "action=DUNNO");
  is("!peek ip 192.0.2.1", "0 3/9");
  asks("protocol_state=RCPT\nclient_address=192.0.2.1\nsender=newer@b\nrecipient=x\n",
       "action=DEFER_IF_PERMIT 4.7.1 too often: come again in 3600 seconds");
  is("!peek ip 192.0.2.1", "0 3/9");
  is("!peek from newer@b", "0 0/1");
}
END_TEST

START_TEST(policy_context)
{
  char line[3000];

  load("user * 2/1h\nip 0.0.0.0/0 2/1h\nip policy=RCPT client_address\nmine * 1/1h\nmine askers=4711\n");
  asks("protocol_state=RCPT\npolicy_context=user\nsasl_username=joe\nclient_address=192.0.2.1\n",
       "action=DUNNO");
  is("!peek user joe", "0 1/2");
  is("!peek ip 192.0.2.1", "0 0/2");
  asks("protocol_state=RCPT\npolicy_context=user\nclient_address=192.0.2.1\n", "action=DUNNO");
  is("!peek user 192.0.2.1", "0 1/2");
  asks("protocol_state=RCPT\npolicy_context=relay\nclient_address=192.0.2.1\n", "action=DUNNO");
  is("!peek ip 192.0.2.1", "0 1/2");
  asks("protocol_state=CONNECT\npolicy_context=ip\nclient_address=192.0.2.1\n", "action=DUNNO");
  is("!peek ip 192.0.2.1", "0 1/2");
  uid = 4000;
  asks("protocol_state=RCPT\npolicy_context=mine\nclient_address=192.0.2.1\n", "gone");
  uid = 4711;
  asks("protocol_state=RCPT\npolicy_context=mine\nclient_address=192.0.2.1\n", "action=DUNNO");
  snprintf(line, sizeof line, "protocol_state=RCPT\npolicy_context=user\nsasl_username=%02000d\n", 1);
  asks(line, "action=DUNNO");
  asks(line, "action=DUNNO");
  ck_assert(!strncmp(policy(line), "action=DEFER", 12));
}
END_TEST

START_TEST(who_counts)
{
  load("logins * 3/1h\nlogins askers=1234,1235\nfree * 3/1h\n");
  uid = 4000;
  ck_assert_str_eq(ask_as(0, "logins joe", 10), "2 not allowed");
  ck_assert_str_eq(ask_as(0, "!add 2 logins joe", 17), "2 not allowed");
  ck_assert_str_eq(ask_as(0, "!undo 2 logins joe", 18), "2 not allowed");
  ck_assert_str_eq(ask_as(0, "!peek logins joe", 16), "0 0/3");
  ck_assert_str_eq(ask_as(0, "free joe", 8), "0 1/3");
  uid = 1235;
  ck_assert_str_eq(ask_as(0, "logins joe", 10), "0 1/3");
  ck_assert_str_eq(ask_as(ASKER_TCP, "logins joe", 10), "2 not allowed");
  is("logins joe", "0 2/3");
}
END_TEST

START_TEST(original)
{
  ck_assert_str_eq(ask_as(ASKER_TCP, "logins joe", 10), "0 1/3");
  ck_assert_str_eq(ask_as(ASKER_TCP, "logins joe\r", 11), "0 2/3");
  ck_assert_str_eq(ask_as(ASKER_TCP, "logins joe", 10), "0 3/3");
  ck_assert_str_eq(ask_as(ASKER_TCP, "logins joe", 10), "1 4/3");
  ck_assert_str_eq(ask_as(ASKER_TCP, "logins joe", 10), "1 4/3");
  ck_assert_str_eq(ask_as(ASKER_TCP, "logins  joe", 11), "0 1/3");
  ck_assert_str_eq(ask_as(ASKER_TCP, "!stats", 6), "2 unknown class");
  is("logins joe", "1 4/3 1200");
}
END_TEST

static struct
{
  char const *line;
  size_t n; /* 0: strlen */
  char const *answer;
} const bad[] = {
    {"", 0, "2 empty request"},
    {"\r", 0, "2 empty request"},
    {"logins", 0, "2 no value"},
    {"nope x", 0, "2 unknown class"},
    {" x", 0, "2 unknown class"},
    {"Logins x", 0, "2 unknown class"},
    {"logins a\0b", 10, "2 NUL in request"},
    {"!", 0, "2 unknown verb"},
    {"!logins x", 0, "2 unknown verb"},
    {"!add", 0, "2 no value"},
    {"!add 1", 0, "2 no value"},
    {"!add x logins joe", 0, "2 not a number of 1 to 999999999999999999"},
    {"!add 0 logins joe", 0, "2 not a number of 1 to 999999999999999999"},
    {"!add 1 logins", 0, "2 no value"},
    {"!add 9999999999999999999 logins joe", 0, "2 not a number of 1 to 999999999999999999"},
    {"!peek logins", 0, "2 no value"},
    {"!peek nope x", 0, "2 unknown class"},
    {"!top x", 0, "2 not a number"},
    {"!top 5 nope", 0, "2 unknown class"},
    {"!limits nope", 0, "2 unknown class"},
    {"!stats nope", 0, "2 unknown class"},
};

START_TEST(errors)
{
  uint64_t before = e.table.header->errors;
  ck_assert_str_eq(ask_as(ASKER_OWNER, bad[_i].line, bad[_i].n ? bad[_i].n : strlen(bad[_i].line)),
                   bad[_i].answer);
  ck_assert_uint_eq(e.table.header->errors, before + 1);
}
END_TEST

START_TEST(long_line)
{
  char line[REQUEST_MAX + 2];

  memset(line, 'x', sizeof line);
  memcpy(line, "logins ", 7);
  ck_assert_str_eq(ask_as(ASKER_TCP, line, REQUEST_MAX), "0 1/3");
  ck_assert_str_eq(ask_as(ASKER_TCP, line, REQUEST_MAX + 1), "2 line too long");
}
END_TEST

START_TEST(verbs)
{
  is("!peek logins joe", "0 0/3");
  is("!add 2 logins joe", "0 2/3");
  is("!add 2 logins joe", "1 4/3 1200");
  is("!add 4 logins joe", "1 6/3 -");
  is("!peek logins joe", "0 2/3");
  is("logins joe", "0 3/3");
  is("!peek logins joe", "1 3/3 1200");
  is("!reset logins joe", "0 1");
  is("!reset logins joe", "0 0");
  is("logins joe", "0 1/3");
  is("!add 400 bytes joe", "0 400/500");
  is("!add 200 bytes joe", "1 600/500 8640");
}
END_TEST

START_TEST(not_for_all)
{
  ck_assert_str_eq(ask_as(0, "!reset logins joe", 17), "2 not allowed");
  ck_assert_str_eq(ask_as(0, "!top", 4), "2 not allowed");
  ck_assert_str_eq(ask_as(0, "!peek logins joe", 16), "0 0/3");
  ck_assert_ptr_null(strstr(ask_as(0, "!stats", 6), "\"top\""));
  ck_assert_ptr_nonnull(strstr(ask("!stats"), "\"top\":[]"));
}
END_TEST

/* The original's fault: joe of one class was joe of the other. */
START_TEST(classes_apart)
{
  load("user * 1/1h\nip * 1/1h\n");
  is("user joe", "0 1/1");
  is("ip joe", "0 1/1");
  is("user joe", "1 2/1 3600");
}
END_TEST

START_TEST(addresses)
{
  is("ip 2001:db8::1", "0 1/2");
  is("ip 2001:0db8:0:0:5::1", "0 2/2");
  is("ip 2001:db8:0:1::1", "0 1/2");
  is("ip 2001:db8::2", "1 3/2 30");
  is("ip 1.2.3.4", "0 1/2");
  is("ip ::ffff:1.2.3.4", "0 2/2");
  is("ip 1.2.3.5", "0 1/2");
  is("ip joe", "0 0/0");
  is("!reset ip 2001:db8::/64", "0 1");
  is("ip 2001:db8::2", "0 1/2");
}
END_TEST

START_TEST(observe)
{
  is("watch joe", "0 1/1");
  is("watch joe", "0 2/1");
  is("watch joe", "0 2/1");
  ck_assert_ptr_nonnull(
      strstr(ask("!stats"), "{\"class\":\"watch\",\"checks\":3,\"refusals\":0,\"observed\":2}"));
  ck_assert_str_eq(logged, "observed watch joe 2/1 for 3600s\n");
}
END_TEST

START_TEST(unlimited)
{
  for (int i = 0; i < 10; i++) is("free vip", "0 0/0");
  is("free vap", "0 1/1");
  is("free vap", "1 2/1 3600");
  is("free nobody", "0 0/0");
}
END_TEST

START_TEST(penalty)
{
  is("fail2 x", "0 1/1");
  is("fail2 x", "1 2/1 600");
  e.now += 120000;
  is("fail2 x", "1 1/1 480");
  e.now += 480000;
  is("fail2 x", "0 1/1");
}
END_TEST

/* A penalty that ends long before the bucket is empty: the key must not be swept with it. */
START_TEST(short_penalty)
{
  load("fail2 * 10/10h penalty 1m\n");
  is("!add 10 fail2 x", "0 10/10");
  is("fail2 x", "1 11/10 3600");
  e.now += 61000;
  table_sweep(&e.table, (unsigned int)e.table.header->sets, (uint32_t)(e.now / 1000));
  is("!peek fail2 x", "1 10/10 3539");
  is("fail2 x", "1 11/10 3539");
  e.now += 36000000;
  table_sweep(&e.table, (unsigned int)e.table.header->sets, (uint32_t)(e.now / 1000));
  ck_assert_uint_eq(e.table.header->keys, 0);
}
END_TEST

START_TEST(counts_survive_reload)
{
  is("logins joe", "0 1/3");
  is("logins joe", "0 2/3");
  load("other * 1/1s\nlogins * 5/1d\n");
  is("logins joe", "0 3/5");
  load("logins * 2/1h\n");
  is("logins joe", "1 4/2 3600");
  ck_assert_ptr_nonnull(strstr(ask("!stats"), "{\"class\":\"logins\",\"checks\":4,\"refusals\":1,"));
  is("other x", "2 unknown class");
}
END_TEST

START_TEST(reports)
{
  for (int i = 0; i < 5; i++) ask("logins joe");
  for (int i = 0; i < 6; i++) ask("logins a\"\\\x01\xff");
  is("!top 1 logins", "0 "
                      "{\"top\":[{\"class\":\"logins\",\"value\":\"a\\\"\\\\\\u0001\\u00ff\",\"refusals\":3,"
                      "\"seconds_ago\":0}]}");
  e.now += 5000;
  ck_assert_ptr_nonnull(
      strstr(ask("!top"), "{\"class\":\"logins\",\"value\":\"joe\",\"refusals\":2,\"seconds_ago\":5}"));
  is("!limits logins", "0 {\"limits\":[{\"class\":\"logins\",\"rules\":[\"* 3/1h\"]}]}");
  ck_assert_ptr_nonnull(strstr(ask("!limits"), "\"::/0 2/1m group /64\""));
  ck_assert_str_eq(logged,
                   "refused logins joe 4/3 for 1200s\nrefused logins a\"\\x5c\\x01\\xff 4/3 for 1200s\n");
}
END_TEST

/* Among many offenders the worst is found, though there are far more than places. */
START_TEST(worst)
{
  char line[64];

  load("a * 1/1h\n");
  for (int i = 0; i < 2000; i++)
  {
    int n = snprintf(line, sizeof line, "a v%d", i % 200);
    ask_as(0, line, (size_t)n);
    ask_as(0, "a bad", 5);
  }
  ck_assert_ptr_nonnull(strstr(ask("!top 1"), "\"value\":\"bad\",\"refusals\":1999,"));
}
END_TEST

START_TEST(log_is_bounded)
{
  char line[64];
  unsigned int lines = 0;

  load("a * 1/1h\n");
  for (int i = 0; i < 500; i++)
    for (int j = 0; j < 3; j++) ask_as(0, line, (size_t)snprintf(line, sizeof line, "a v%d", i));
  for (char *s = logged; (s = strchr(s, '\n')); s++) lines++;
  ck_assert_uint_eq(lines, ENGINE_LOGS);
  e.now += 1000;
  ask("a x");
  ask("a x");
  ck_assert_ptr_nonnull(strstr(logged, "refusals not logged, too many: 490\n"));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("rater_engine");
  TCase *t = tcase_create("engine");

  tcase_add_checked_fixture(t, start, stop);
  tcase_add_test(t, one_count);
  tcase_add_test(t, taken_back);
  tcase_add_test(t, windows);
  tcase_add_test(t, policy_protocol);
  tcase_add_test(t, policy_context);
  tcase_add_test(t, who_counts);
  tcase_add_test(t, original);
  tcase_add_loop_test(t, errors, 0, sizeof bad / sizeof bad[0]);
  tcase_add_test(t, long_line);
  tcase_add_test(t, verbs);
  tcase_add_test(t, not_for_all);
  tcase_add_test(t, classes_apart);
  tcase_add_test(t, addresses);
  tcase_add_test(t, observe);
  tcase_add_test(t, unlimited);
  tcase_add_test(t, penalty);
  tcase_add_test(t, short_penalty);
  tcase_add_test(t, counts_survive_reload);
  tcase_add_test(t, reports);
  tcase_add_test(t, worst);
  tcase_add_test(t, log_is_bounded);
  suite_add_tcase(s, t);
  return unit_run(s);
}
