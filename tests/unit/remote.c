#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <runlib/remoterequest.h>
#include <services/remote/body.h>
#include <services/remote/mx.h>
#include <services/remote/reply.h>
#include <services/remote/settings.h>
#include <services/remote/sts.h>

#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

/* --- replies ------------------------------------------------------------------------------------- */

static struct
{
  char const *bytes;
  int result; /* 1, 0, or a negated errno */
  unsigned int code;
  char const *text;
} const replies[] = {
    {"250 ok\r\nmore", 1, 250, "250 ok"},
    {"250\r\n", 1, 250, "250"},
    {"250-a\r\n250-\r\n250 b\r\n", 1, 250, "250-a\n250-\n250 b"},
    {"220-a\n421 bye\n", 1, 421, "220-a\n421 bye"}, /* bare LF; the last line's code counts */
    {"550 a\tb\033[2J\r\n", 1, 550, "550 a?b?[2J"},
    {"250-a\r\n", 0, 0, 0},
    {"25", 0, 0, 0},
    {"hello\r\n", -EPROTO, 0, 0},
    {"199 x\r\n", -EPROTO, 0, 0},
    {"600 x\r\n", -EPROTO, 0, 0},
    {"250x\r\n", -EPROTO, 0, 0},
    {"\r\n", -EPROTO, 0, 0},
};

/* Whole, and byte by byte. */
START_TEST(reply_is_read)
{
  char const *s = replies[_i].bytes;
  size_t n = strlen(s);

  for (unsigned int step = 0; step < 2; step++)
  {
    reply r = REPLY_ZERO;
    int result = 0;
    size_t used, i = 0;
    while (i < n && !result)
    {
      result = reply_feed(&r, s + i, step ? 1 : n - i, &used);
      if (result < 0) result = -errno;
      i += used;
    }
    ck_assert_int_eq(result, replies[_i].result);
    if (result == 1)
    {
      ck_assert_uint_eq(r.code, replies[_i].code);
      ck_assert(stralloc_0(&r.text));
      ck_assert_str_eq(r.text.s, replies[_i].text);
      ck_assert_int_eq(s[i - 1], '\n');
    }
    reply_free(&r);
  }
}
END_TEST

START_TEST(reply_has_a_bound)
{
  reply r = REPLY_ZERO;
  size_t used;
  int result = 0;

  for (unsigned int i = 0; i < 10000 && !result; i++)
    result = reply_feed(&r, "250-0123456789\r\n", 16, &used);
  ck_assert_int_eq(result, -1);
  ck_assert_int_eq(errno, EMSGSIZE);
  reply_free(&r);
}
END_TEST

START_TEST(offers_are_read)
{
  static char const s[] =
      "250-mx.test SIZE 5\r\n250-size 1000\r\n250-AUTH CRAM-MD5 plain\r\n250-AUTH=LOGIN\r\n"
      "250-8BITMIMEX\r\n250-PIPELINING\r\n250 STARTTLS\r\n";
  reply r = REPLY_ZERO;
  size_t used;
  offers o;

  ck_assert_int_eq(reply_feed(&r, s, sizeof s - 1, &used), 1);
  o = reply_offers(&r);
  ck_assert_uint_eq(o.most, 1000);
  ck_assert(o.size && o.plain && o.login && o.pipelining && o.starttls);
  ck_assert(!o.eightbit && !o.dsn && !o.utf8);
  reply_free(&r);
}
END_TEST

/* --- bodies and addresses ------------------------------------------------------------------------ */

static struct
{
  char const *text;
  char const *wire;
} const bodies[] = {
    {"", ".\r\n"},
    {"a\nb", "a\r\nb\r\n.\r\n"},
    {"a\r\n.\n..\r\n", "a\r\n..\r\n...\r\n.\r\n"},
    {".", "..\r\n.\r\n"},
    {"a\r", "a\r\n.\r\n"},
    {"a\r.\rb\n", "a . b\r\n.\r\n"}, /* nothing here is a line of one dot to anybody */
    {"a\n\r.\r\n", "a\r\n .\r\n.\r\n"},
    {"a\r\r\nb\n", "a \r\nb\r\n.\r\n"},
};

START_TEST(body_is_written)
{
  char const *s = bodies[_i].text;

  for (unsigned int step = 0; step < 2; step++)
  {
    body b = BODY_ZERO;
    stralloc out = STRALLOC_ZERO;
    for (size_t i = 0, n = strlen(s); i < n; i += step ? 1 : n)
      ck_assert_int_eq(body_put(&b, &out, s + i, step ? 1 : n), 0);
    ck_assert_int_eq(body_end(&b, &out), 0);
    ck_assert(stralloc_0(&out));
    ck_assert_str_eq(out.s, bodies[_i].wire);
    stralloc_free(&out);
  }
}
END_TEST

static struct
{
  char const *address;
  char const *path; /* 0: cannot be sent */
} const paths[] = {
    {"", "<>"},
    {"joe@a.test", "<joe@a.test>"},
    {"joe", "<joe>"},
    {"a b@c.test", "<\"a b\"@c.test>"},
    {"a\"\\@c.test", "<\"a\\\"\\\\\"@c.test>"},
    {"a@b@c.test", "<\"a@b\"@c.test>"},
    {"@c.test", "<\"\"@c.test>"},
    {".a@c.test", "<\".a\"@c.test>"},
    {"a..b@c.test", "<\"a..b\"@c.test>"},
    {"j\xc3\xb6@c.test", "<j\xc3\xb6@c.test>"},
    {"a>@c.test", "<\"a>\"@c.test>"},
    {"a\r\nRCPT TO:<b@c.test", 0},
    {"a@c.test> SIZE=1", 0},
    {"a@", 0},
    {"a@c.test\n", 0},
};

START_TEST(path_is_quoted)
{
  stralloc out = STRALLOC_ZERO;
  int result = path_put(&out, paths[_i].address);

  ck_assert_int_eq(result, paths[_i].path ? 0 : -1);
  if (!result) ck_assert(stralloc_0(&out));
  if (!result) ck_assert_str_eq(out.s, paths[_i].path);
  stralloc_free(&out);
}
END_TEST

/* --- exchangers ---------------------------------------------------------------------------------- */

static uint32_t chances[16];
static unsigned int next;

static uint32_t chance(void)
{
  return chances[next++ % 16];
}

static int own_ten(uint8_t const *ip, unsigned int len)
{
  return len == 4 && ip[3] == 10;
}

static void give(dns_answer *a, char const *bytes, size_t len, size_t each)
{
  a->state = DNS_FOUND;
  ck_assert(stralloc_copyb(&a->message, bytes, len));
  for (a->n = 0; a->n * each < len; a->n++) a->records[a->n] = (dns_record){a->n * each, each};
}

/* Two hosts of one preference and a third behind them, the second of which is this machine. */
static void three_hosts(mx_list *l)
{
  static char const addresses[3][4] = {{10, 0, 0, 1}, {10, 0, 0, 10}, {10, 0, 0, 3}};

  memset(l, 0, sizeof *l);
  l->hosts = 3;
  for (unsigned int i = 0; i < 3; i++)
  {
    l->host[i].preference = i * 10;
    snprintf(l->host[i].name, sizeof l->host[i].name, "mx%u.test", i);
    give(&l->host[i].a, addresses[i], 4, 4);
    l->host[i].aaaa.state = DNS_NODATA;
  }
}

static void free_hosts(mx_list *l)
{
  for (unsigned int i = 0; i < l->hosts; i++) stralloc_free(&l->host[i].a.message);
}

START_TEST(what_is_behind_ourselves_is_left_out)
{
  static mx_list l;

  three_hosts(&l);
  ck_assert_int_eq(mx_order(&l, "me.test", &own_ten, &chance), MX_FOUND);
  ck_assert_uint_eq(l.n, 1);
  ck_assert_uint_eq(l.target[0].ip[3], 1);
  ck_assert_int_eq(mx_order(&l, "MX0.test", &own_ten, &chance), MX_LOOP);
  ck_assert_int_eq(mx_order(&l, 0, 0, &chance), MX_FOUND);
  ck_assert_uint_eq(l.n, 3);
  free_hosts(&l);
}
END_TEST

START_TEST(without_addresses)
{
  static mx_list l;

  three_hosts(&l);
  free_hosts(&l);
  for (unsigned int i = 0; i < 3; i++) l.host[i].a = (dns_answer){.state = DNS_NODATA};
  ck_assert_int_eq(mx_order(&l, 0, 0, &chance), MX_NONE);
  l.host[2].aaaa.state = DNS_FAILED;
  ck_assert_int_eq(mx_order(&l, 0, 0, &chance), MX_LATER);
}
END_TEST

/* An answer with three MX records of a.test: 20 c, 10 a, 10 b. */
static char const mx_answer[] = "\0\0\x81\x80\0\1\0\3\0\0\0\0\1a\4test\0\0\17\0\1"
                                "\xc0\14\0\17\0\1\0\0\0\1\0\6\0\24\1c\xc0\14"
                                "\xc0\14\0\17\0\1\0\0\0\1\0\6\0\12\1a\xc0\14"
                                "\xc0\14\0\17\0\1\0\0\0\1\0\6\0\12\1b\xc0\14";

START_TEST(equals_are_ordered_by_chance)
{
  static mx_list l;
  dns_answer a = DNS_ANSWER_ZERO;

  ck_assert(stralloc_copyb(&a.message, mx_answer, sizeof mx_answer - 1));
  dns_answer_read(&a, DNS_MX);
  ck_assert_int_eq(a.state, DNS_FOUND);
  ck_assert(!a.secure);
  for (unsigned int i = 0; i < 2; i++)
  {
    next = 0;
    chances[1] = i;
    chances[2] = !i;
    ck_assert_uint_eq(mx_read(&l, &a, &chance), 3);
    ck_assert_str_eq(l.host[0].name, i ? "b.a.test" : "a.a.test");
    ck_assert_str_eq(l.host[1].name, i ? "a.a.test" : "b.a.test");
    ck_assert_str_eq(l.host[2].name, "c.a.test");
  }
  a.message.s[3] |= 0x20;
  dns_answer_read(&a, DNS_MX);
  ck_assert(a.secure);
  for (a.message.len--; a.message.len; a.message.len--)
  {
    dns_answer_read(&a, DNS_MX);
    ck_assert_int_eq(a.state, DNS_FAILED);
  }
  stralloc_free(&a.message);
}
END_TEST

/* --- settings ------------------------------------------------------------------------------------ */

static char const routes_text[] = "# none\nb.test:relay.test:26  \n.b.test:[fd00::1]\n:[10.0.0.1]:2525\n"
                                  "mx.b.test:\nbad.test:r:99999\n";

static struct
{
  char const *domain;
  int result;
  char const *relay;
  unsigned int port;
} const routed[] = {{"b.test", 1, "relay.test", 26},  {"B.TEST", 1, "relay.test", 26},
                    {"x.b.test", 1, "[fd00::1]", 25}, {"a.test", 1, "[10.0.0.1]", 2525},
                    {"mx.b.test", 1, "", 25},         {"bad.test", -1, 0, 0}};

START_TEST(route_is_found)
{
  stralloc text = STRALLOC_ZERO;
  route r = {.relay = STRALLOC_ZERO, .port = 0};

  ck_assert(stralloc_copyb(&text, routes_text, sizeof routes_text - 1));
  ck_assert_int_eq(route_find(&r, &text, routed[_i].domain), routed[_i].result);
  if (routed[_i].relay)
  {
    ck_assert_str_eq(r.relay.s, routed[_i].relay);
    ck_assert_uint_eq(r.port, routed[_i].port);
  }
  stralloc_free(&r.relay);
  stralloc_free(&text);
}
END_TEST

START_TEST(rules_for_tls)
{
  static settings s = SETTINGS_ZERO;

  s.rules[0] = "* encrypt";
  s.rules[1] = ".b.test verify";
  s.rules[2] = "b.test  none";
  ck_assert_int_eq(settings_tls(&s, "b.test", TLS_MAY), TLS_MAY);
  s.nrules = 3;
  ck_assert_int_eq(settings_tls(&s, "b.test", TLS_MAY), TLS_NONE);
  ck_assert_int_eq(settings_tls(&s, "a.b.test", TLS_MAY), TLS_VERIFY);
  ck_assert_int_eq(settings_tls(&s, "ab.test", TLS_MAY), TLS_ENCRYPT);
  ck_assert_int_eq(rule_level("a.test"), -1);
  ck_assert_int_eq(rule_level("a.test maybe"), -1);
  ck_assert_int_eq(rule_level(" may"), -1);
}
END_TEST

START_TEST(sts_policies)
{
  static char const secure[] = "OK secure match=mx.a.test:.b.test servername=hostname";
  stralloc p = STRALLOC_ZERO;

  ck_assert_int_eq(sts_read(secure, sizeof secure - 1, &p), 1);
  ck_assert(sts_allows(&p, "MX.a.test"));
  ck_assert(sts_allows(&p, "any.b.test"));
  ck_assert(!sts_allows(&p, "two.any.b.test"));
  ck_assert(!sts_allows(&p, "b.test"));
  ck_assert(!sts_allows(&p, "mx.c.test"));
  ck_assert_int_eq(sts_read("NOTFOUND ", 9, &p), 0);
  ck_assert_int_eq(sts_read("TEMP dns", 8, &p), -1);
  ck_assert_int_eq(sts_read("OK secure", 9, &p), -1);
  ck_assert_int_eq(sts_read("", 0, &p), -1);
  stralloc_free(&p);
}
END_TEST

/* --- requests ------------------------------------------------------------------------------------ */

START_TEST(request_arrives)
{
  remote_request out = {
      .len = 77, .host = "a.test", .sender = "", .n = 2, .recipients = {"x@a.test", "y@a.test"}};
  remote_request in;
  stralloc text = STRALLOC_ZERO;
  int pair[2], fd;

  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  ck_assert_int_eq(remote_request_send(pair[0], 1, &out), 0);
  fd = remote_request_receive(pair[1], &in, &text);
  ck_assert_int_ge(fd, 0);
  ck_assert_uint_eq(in.len, 77);
  ck_assert_str_eq(in.host, "a.test");
  ck_assert_str_eq(in.sender, "");
  ck_assert_uint_eq(in.n, 2);
  ck_assert_str_eq(in.recipients[1], "y@a.test");
  close(fd);
  out.n = 0;
  ck_assert_int_eq(remote_request_send(pair[0], 1, &out), 0);
  ck_assert_int_eq(remote_request_receive(pair[1], &in, &text), -1);
  ck_assert_int_eq(errno, EPROTO);
  close(pair[0]);
  ck_assert_int_eq(remote_request_receive(pair[1], &in, &text), -1);
  close(pair[1]);
  stralloc_free(&text);
}
END_TEST

#define EACH(test, table) tcase_add_loop_test(t, test, 0, (int)(sizeof(table) / sizeof(table)[0]))

int main(void)
{
  Suite *s = suite_create("remote");
  TCase *t = tcase_create("remote");

  EACH(reply_is_read, replies);
  tcase_add_test(t, reply_has_a_bound);
  tcase_add_test(t, offers_are_read);
  EACH(body_is_written, bodies);
  EACH(path_is_quoted, paths);
  tcase_add_test(t, what_is_behind_ourselves_is_left_out);
  tcase_add_test(t, without_addresses);
  tcase_add_test(t, equals_are_ordered_by_chance);
  EACH(route_is_found, routed);
  tcase_add_test(t, rules_for_tls);
  tcase_add_test(t, sts_policies);
  tcase_add_test(t, request_arrives);
  suite_add_tcase(s, t);
  return unit_run(s);
}
