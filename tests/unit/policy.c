#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <services/policy/answer.h>
#include <services/policy/greylist.h>
#include <services/policy/judge.h>
#include <services/policy/store.h>

#include "unit.h"

/* What policyd decides, with a DNS of one table: settings, lists, the order of the checks, and greylisting. */

static struct
{
  char const *name, *type, *data;
} const zone[] = {
    {"good.test", "TXT", "v=spf1 ip4:192.0.2.1 -all"},
    {"good.test", "MX", "mail.good.test"},
    {"mail.good.test", "A", "192.0.2.1"},
    {"1.2.0.192.in-addr.arpa", "PTR", "mail.good.test"},
    {"bad.test", "TXT", "v=spf1 -all"},
    {"bad.test", "A", "192.0.2.7"},
    {"null.test", "MX", ""},
    {"9.2.0.192.bl.test", "A", "127.0.0.2"},
    {"8.2.0.192.bl.test", "A", "127.255.255.254"},
    {"9.2.0.192.wl.test", "A", "127.0.0.2"},
    {"silent.test", "*", 0},
    {"20.2.0.192.in-addr.arpa", "*", 0},
};

static int slow; /* nothing is there at first */
static char asked[64][300];
static unsigned int asked_n;

static dns_answer const *lookup(void *world, char const *name, dns_type type)
{
  static dns_record records[128];
  static char bytes[128][16];
  static dns_answer answers[128];
  static unsigned int turn;
  char const *wanted = type == DNS_A     ? "A"
                       : type == DNS_MX  ? "MX"
                       : type == DNS_PTR ? "PTR"
                       : type == DNS_TXT ? "TXT"
                                         : "AAAA";
  unsigned int i, t = turn++ % 128;
  char key[300];

  (void)world;
  snprintf(key, sizeof key, "%s %s", wanted, name);
  for (i = 0; i < asked_n && strcmp(asked[i], key); i++)
    ;
  if (i == asked_n)
  {
    ck_assert_uint_lt(asked_n, 64);
    strcpy(asked[asked_n++], key);
    if (slow) return 0;
  }
  answers[t] = (dns_answer){DNS_NXDOMAIN, 0, &records[t]};
  for (i = 0; i < sizeof zone / sizeof zone[0]; i++)
  {
    if (strcasecmp(zone[i].name, name)) continue;
    if (answers[t].status == DNS_NXDOMAIN) answers[t].status = DNS_NODATA;
    if (!zone[i].data) answers[t].status = DNS_FAILED;
    if (strcmp(zone[i].type, wanted)) continue;
    records[t] = (dns_record){zone[i].data, strlen(zone[i].data)};
    if (type == DNS_A)
    {
      ck_assert_int_eq(inet_pton(AF_INET, zone[i].data, bytes[t]), 1);
      records[t] = (dns_record){bytes[t], 4};
    }
    answers[t].status = DNS_FOUND;
    answers[t].n = 1;
  }
  return &answers[t];
}

/* Settings of lines between `;`. */
static void set(settings *s, char const *lines)
{
  char text[1024];
  unsigned int line;
  char const *wrong;

  ck_assert_uint_lt(strlen(lines), sizeof text);
  strcpy(text, lines);
  for (char *p = text; *p; p++)
    if (*p == ';') *p = '\n';
  settings_init(s);
  wrong = settings_read(s, text, &line);
  ck_assert_msg(!wrong, "line %u: %s", line, wrong);
}

static struct
{
  char const *key, *value;
  int good;
} const keys[] = {
    {"spf-fail", "reject", 1},
    {"spf-fail", "mark", 1},
    {"rdns-missing", "mark", 0},
    {"rdns-missing", "perhaps", 0},
    {"block-address", "192.0.2.0/24", 1},
    {"block-address", "192.0.2.", 1},
    {"block-address", "192.0.2.0/33", 0},
    {"block-address", "2001:db8::/129", 0},
    {"block-address", "localhost", 0},
    {"block-sender", "example.test", 0},
    {"allow-sender", "@example.test", 1},
    {"allow-dog", "x", 0},
    {"dnsbl", "bl.test", 1},
    {"dnsbl", "bl.test 2-11,127.0.1.2 weight 3 reply Go away, %s", 1},
    {"dnsbl", "bl", 0},
    {"dnsbl", "bl.test 1.2.3.4", 0},
    {"dnsbl", "bl.test 11-2", 0},
    {"dnsbl", "bl.test weight 0", 0},
    {"dnsbl", "bl.test of sender", 0},
    {"dnsbl", "bl.test reply", 0},
    {"dnswl", "wl.test reply x", 0},
    {"rhsbl", "rh.test of sender,rdns", 1},
    {"rhsbl", "rh.test of nobody", 0},
    {"greylist", "everybody", 1},
    {"greylist", "yes", 0},
    {"greylist-delay", "0", 0},
    {"nonsense", "x", 0},
};

START_TEST(key_values)
{
  settings s;
  char const *wrong;

  settings_init(&s);
  wrong = settings_set(&s, keys[_i].key, keys[_i].value);
  ck_assert_msg((!wrong) == keys[_i].good, "%s %s: %s", keys[_i].key, keys[_i].value,
                wrong ? wrong : "accepted");
  settings_free(&s);
}
END_TEST

/* client, helo, sender and recipient; 0: one that is fine. reply: "", let through; else what it begins with. */
static struct
{
  char const *settings, *client, *helo, *sender, *recipient;
  condition suspected;
  char const *reply;
} const verdicts[] = {
    {"", "192.0.2.9", "x", "a@bad.test", 0, CONDITIONS, ""},
    {"spf-fail reject", 0, 0, 0, 0, CONDITIONS, ""},
    {"spf-fail reject", 0, 0, "a@bad.test", 0, CONDITIONS, "550 5.7.23 SPF: "},
    {"spf-fail tempfail", 0, 0, "a@bad.test", 0, CONDITIONS, "451 4.7.23 SPF: "},
    {"spf-fail observe", 0, 0, "a@bad.test", 0, CONDITIONS, ""},
    {"spf-fail greylist", 0, 0, "a@bad.test", 0, SPF_IS_FAIL, ""},
    {"spf-fail reject", 0, "bad.test", "", 0, CONDITIONS, "550 5.7.23 SPF: "},
    {"spf-temperror reject", 0, 0, "a@silent.test", 0, CONDITIONS, "451 4.7.24 SPF: "},
    {"spf-fail reject", 0, 0, "a@bad.test", "Postmaster@here.test", CONDITIONS, ""},
    {"spf-fail reject;allow-sender @bad.test", 0, 0, "a@sub.bad.test", 0, CONDITIONS, ""},
    {"spf-fail reject;allow-address 192.0.2.0/28", 0, 0, "a@bad.test", 0, CONDITIONS, ""},
    {"spf-fail reject;allow-recipient a@b.test", 0, 0, "a@bad.test", "A@B.test", CONDITIONS, ""},
    {"spf-fail reject;allow-rdns .good.test", 0, 0, "a@bad.test", 0, CONDITIONS, ""},
    {"block-address 192.0.2.", 0, 0, 0, 0, CONDITIONS, "554 5.7.1 your address"},
    {"block-address 192.0.2.;block off", 0, 0, 0, 0, CONDITIONS, ""},
    {"block-address 192.0.2.;allow-rdns mail.good.test", 0, 0, 0, 0, CONDITIONS, ""},
    {"block-address 2001:db8::/32", "2001:db8::1", 0, 0, 0, CONDITIONS, "554 5.7.1 "},
    {"block-address 192.0.2.", "::ffff:192.0.2.1", 0, 0, 0, CONDITIONS, "554 5.7.1 "},
    {"block-sender @bad.test", 0, 0, "a@notbad.test", 0, CONDITIONS, ""},
    {"dnsbl bl.test", "192.0.2.9", 0, 0, 0, CONDITIONS, "554 5.7.1 192.0.2.9 is listed by bl.test"},
    {"dnsbl bl.test reply no", "192.0.2.9", 0, 0, 0, CONDITIONS, "554 5.7.1 no (192.0.2.9)"},
    {"dnsbl bl.test;threshold 2", "192.0.2.9", 0, 0, 0, CONDITIONS, ""},
    {"dnsbl bl.test weight 2;threshold 2", "192.0.2.9", 0, 0, 0, CONDITIONS, "554 5.7.1 "},
    {"dnsbl bl.test 3-255", "192.0.2.9", 0, 0, 0, CONDITIONS, ""},
    {"dnsbl bl.test;dnswl wl.test", "192.0.2.9", 0, 0, 0, CONDITIONS, ""},
    {"dnsbl bl.test", "192.0.2.8", 0, 0, 0, CONDITIONS, ""},
    {"dnsbl bl.test;listed greylist", "192.0.2.9", 0, 0, 0, LISTED, ""},
    {"rdns-missing reject", "192.0.2.9", 0, 0, 0, CONDITIONS, "550 5.7.25 "},
    {"rdns-missing reject", "192.0.2.20", 0, 0, 0, CONDITIONS, "451 4.7.25 "},
    {"rdns-missing reject;rdns-unresolved reject;rdns-unconfirmed reject", 0, 0, 0, 0, CONDITIONS, ""},
    {"helo-invalid reject", 0, "localhost", 0, 0, CONDITIONS, "550 5.5.2 "},
    {"helo-invalid reject", 0, "[192.0.2.1]", 0, 0, CONDITIONS, ""},
    {"helo-ours reject;hostname mx.test", 0, "MX.test", 0, 0, CONDITIONS, "550 5.7.1 "},
    {"helo-ours reject;hostname mx.test", 0, "mx.Test.", 0, 0, CONDITIONS, "550 5.7.1 "},
    {"helo-ours reject;hostname mx.test", 0, "mx.test.x", 0, 0, CONDITIONS, ""},
    {"helo-ours reject;hostname mx.test", 0, "[IPv6:2001:DB8:0::1]", 0, 0, CONDITIONS, "550 5.7.1 "},
    {"helo-ours reject;hostname mx.test", 0, "[2001:db8::1]", 0, 0, CONDITIONS, "550 5.7.1 "},
    {"helo-ours reject;hostname mx.test", 0, "[IPv6:2001:db8::2]", 0, 0, CONDITIONS, ""},
    {"sender-unknown reject", 0, 0, "a@nowhere.test", 0, CONDITIONS, "550 5.1.8 "},
    {"sender-unknown reject", 0, 0, "a@bad.test", 0, CONDITIONS, ""},
    {"sender-unknown reject", 0, 0, "a@silent.test", 0, CONDITIONS, "451 4.1.8 "},
    {"sender-unknown reject;sender-null-mx reject", 0, 0, "a@null.test", 0, CONDITIONS, "550 5.7.27 "},
    {"sender-unknown reject", 0, 0, "", 0, CONDITIONS, ""},
    /* the first that refuses does */
    {"dnsbl bl.test;helo-invalid reject;spf-fail reject", "192.0.2.9", "x", "a@bad.test", 0, CONDITIONS,
     "550 5.5.2 "},
    {"dnsbl bl.test;helo-invalid observe;spf-fail reject", "192.0.2.9", "x", "a@bad.test", 0, CONDITIONS,
     "554 5.7.1 "},
};

static void judged(settings *s, unsigned int i, int late, verdict *v)
{
  policy_request r = {.request = "smtpd_access_policy",
                      .server_address = "2001:db8::1",
                      .policy_context = "",
                      .sasl_username = ""};
  question q = {.settings = s, .request = &r, .lookup = &lookup, .now = 1700000000};

  r.client_address = verdicts[i].client ? verdicts[i].client : "192.0.2.1";
  r.helo_name = verdicts[i].helo ? verdicts[i].helo : "mail.good.test";
  r.sender = verdicts[i].sender ? verdicts[i].sender : "joe@good.test";
  r.recipient = verdicts[i].recipient ? verdicts[i].recipient : "jane@here.test";
  slow = late;
  asked_n = 0;
  while (!judge(&q, v)) ck_assert(late);
}

/* With every answer there at once, and with each late: the verdict is the same. */
START_TEST(verdict_of)
{
  settings s;
  verdict v, w;

  set(&s, verdicts[_i].settings);
  judged(&s, (unsigned int)_i, 0, &v);
  if (*verdicts[_i].reply)
    ck_assert_msg(v.refused != CONDITIONS && !strncmp(v.text, verdicts[_i].reply, strlen(verdicts[_i].reply)),
                  "%s", v.text);
  else
    ck_assert_msg(v.refused == CONDITIONS, "%s", v.text);
  ck_assert_int_eq(v.suspected, verdicts[_i].suspected);
  settings_free(&s);
  set(&s, verdicts[_i].settings);
  judged(&s, (unsigned int)_i, 1, &w);
  ck_assert_int_eq(v.refused, w.refused);
  ck_assert_str_eq(v.text, w.text);
  ck_assert_uint_eq(v.observed, w.observed);
  settings_free(&s);
}
END_TEST

/* --- greylisting ---------------------------------------------------------------------------------- */

static char dir[32];

static void make_dir(void)
{
  strcpy(dir, "/tmp/policy-unit.XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_dir(void)
{
  char command[64];

  snprintf(command, sizeof command, "rm -rf %s", dir);
  ck_assert_int_eq(system(command), 0);
}

static grey seen(store *s, settings *st, char const *client, char const *sender, uint64_t now, int pass)
{
  policy_request r = {
      .client_address = client, .sender = sender, .recipient = "jane@here.test", .helo_name = "h.test"};
  question q = {.settings = st, .request = &r, .now = now};
  uint64_t wait = 0;

  ck_assert(judge_address(&q));
  return greylist_check(s, st, &q, pass, &wait);
}

START_TEST(greylisting)
{
  settings st;
  store *s;
  char aside[80];
  char const *failed;
  uint64_t t = 1700000000;
  policy_request const wrote = {.sender = "Jane@here.test", .recipient = "friend@far.test"};

  set(&st, "greylist everybody;greylist-delay 300;greylist-window 86400");
  ck_assert_int_eq(store_open(&s, dir, 1000, aside, sizeof aside, &failed), 0);
  ck_assert_str_eq(aside, "");
  ck_assert_int_eq(seen(s, &st, "192.0.2.1", "l-1@x.test", t, 0), GREY_WAIT);
  ck_assert_int_eq(seen(s, &st, "192.0.2.1", "l-1@x.test", t + 299, 0), GREY_WAIT);
  ck_assert_int_eq(seen(s, &st, "192.0.2.77", "L-22@x.test", t + 300, 0), GREY_AGAIN);
  ck_assert_int_eq(seen(s, &st, "192.0.2.1", "l-3@x.test", t + 301, 0), GREY_KNOWN);
  ck_assert_int_eq(seen(s, &st, "192.0.3.1", "l-3@x.test", t + 301, 0), GREY_WAIT);
  /* beyond the window it is new again */
  ck_assert_int_eq(seen(s, &st, "192.0.3.1", "l-3@x.test", t + 301 + 86401, 0), GREY_WAIT);
  /* the clock was set back */
  ck_assert_int_eq(seen(s, &st, "192.0.3.1", "l-3@x.test", t, 0), GREY_WAIT);
  ck_assert_int_eq(seen(s, &st, "192.0.3.1", "l-3@x.test", t + 300, 0), GREY_AGAIN);
  /* a domain that SPF vouches for, once it came again */
  ck_assert_int_eq(seen(s, &st, "198.51.100.1", "a@v.test", t, 1), GREY_WAIT);
  ck_assert_int_eq(seen(s, &st, "198.51.100.1", "a@v.test", t + 300, 1), GREY_AGAIN);
  ck_assert_int_eq(seen(s, &st, "203.0.113.1", "b@v.test", t + 301, 1), GREY_KNOWN);
  ck_assert_int_eq(seen(s, &st, "203.0.113.1", "b@v.test", t + 301, 0), GREY_WAIT);
  /* whom a user wrote to */
  greylist_wrote(s, &wrote, t);
  ck_assert_int_eq(seen(s, &st, "203.0.113.9", "Friend@far.test", t, 0), GREY_KNOWN);
  store_commit(s, 0);
  store_close(s);
  ck_assert_int_eq(store_open(&s, dir, 1000, aside, sizeof aside, &failed), 0);
  ck_assert_int_eq(seen(s, &st, "192.0.2.1", "l-4@x.test", t + 400, 0), GREY_KNOWN);
  store_close(s);
  settings_free(&st);
}
END_TEST

START_TEST(forgetting)
{
  settings st;
  store *s;
  char aside[80];
  char const *failed;
  greylist_age age = {&st, 1700000000 + 2 * 86400 + 1, 0};

  set(&st, "greylist everybody;greylist-delay 300");
  ck_assert_int_eq(store_open(&s, dir, 3, aside, sizeof aside, &failed), 0);
  ck_assert_int_eq(seen(s, &st, "192.0.2.1", "a@x.test", 1700000000, 0), GREY_WAIT);
  ck_assert_int_eq(seen(s, &st, "192.0.2.1", "b@x.test", 1700000000, 0), GREY_WAIT);
  ck_assert_int_eq(seen(s, &st, "192.0.2.1", "b@x.test", 1700000300, 0), GREY_AGAIN);
  /* full: nobody new waits, and nothing is lost */
  ck_assert_uint_eq(store_entries(s), 3);
  ck_assert_int_eq(seen(s, &st, "192.0.2.1", "c@x.test", 1700000000, 0), GREY_KNOWN);
  store_sweep(s, 100, &greylist_old, &age);
  ck_assert_uint_eq(age.removed, 1);
  ck_assert_uint_eq(store_entries(s), 2);
  age.now += 36 * 86400;
  store_sweep(s, 100, &greylist_old, &age);
  ck_assert_uint_eq(store_entries(s), 0);
  store_close(s);
  settings_free(&st);
}
END_TEST

/* --- bytes ----------------------------------------------------------------------------------------- */

START_TEST(messages)
{
  static unsigned char const loop[] = {0, 1, 0x81, 0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0xc0, 12,
                                       0, 1, 0,    1,    0, 0, 0, 9, 0, 4, 1, 2, 3,    4};
  static unsigned char const good[] = {0, 1, 0x81, 0x80, 0, 0, 0, 1, 0, 0, 0, 0, 1, 'a', 0,
                                       0, 1, 0,    1,    0, 0, 0, 9, 0, 4, 1, 2, 3, 4};
  dns_answer *a = answer_read(good, sizeof good, DNS_A);

  ck_assert_ptr_nonnull(a);
  ck_assert_int_eq(a->status, DNS_FOUND);
  ck_assert_mem_eq(a->records->data, "\1\2\3\4", 4);
  free(a);
  a = answer_read(good, sizeof good, DNS_MX);
  ck_assert_int_eq(a->status, DNS_NODATA);
  free(a);
  ck_assert_ptr_null(answer_read(loop, sizeof loop, DNS_A));
  for (size_t n = 0; n < sizeof good; n++) ck_assert_ptr_null(answer_read(good, n, DNS_A));
}
END_TEST

START_TEST(requests)
{
  char text[] = "request=x\nsender=a=b\nstrange=1\n\nrest";
  policy_request r;

  ck_assert_uint_eq(policy_request_length(text, strlen(text)), strlen(text) - 4);
  ck_assert_uint_eq(policy_request_length(text, 20), 0);
  ck_assert_ptr_null(policy_request_read(&r, text, strlen(text) - 4));
  ck_assert_str_eq(r.sender, "a=b");
  ck_assert_str_eq(r.recipient, "");
}
END_TEST

int main(void)
{
  Suite *s = suite_create("policy");
  TCase *t = tcase_create("judge"), *g = tcase_create("greylist");

  tcase_add_loop_test(t, key_values, 0, sizeof keys / sizeof keys[0]);
  tcase_add_loop_test(t, verdict_of, 0, sizeof verdicts / sizeof verdicts[0]);
  tcase_add_test(t, messages);
  tcase_add_test(t, requests);
  suite_add_tcase(s, t);
  tcase_add_unchecked_fixture(g, make_dir, remove_dir);
  tcase_add_test(g, greylisting);
  suite_add_tcase(s, g);
  g = tcase_create("forget");
  tcase_add_unchecked_fixture(g, make_dir, remove_dir);
  tcase_add_test(g, forgetting);
  suite_add_tcase(s, g);
  return unit_run(s);
}
