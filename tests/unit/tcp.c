#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <runlib/clock.h>
#include <runlib/tcp/endpoint.h>
#include <runlib/tcp/environ.h>
#include <runlib/tcp/listener.h>
#include <runlib/tcp/places.h>
#include <runlib/tcp/proxy.h>

#include "unit.h"

static endpoint end(char const *ip, uint16_t port)
{
  struct sockaddr_storage sa = {0};
  struct sockaddr_in *in = (struct sockaddr_in *)&sa;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&sa;
  endpoint e;

  if (inet_pton(AF_INET, ip, &in->sin_addr) == 1)
  {
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
  }
  else
  {
    ck_assert_int_eq(inet_pton(AF_INET6, ip, &in6->sin6_addr), 1);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
  }
  ck_assert_int_eq(endpoint_from(&e, &sa), 0);
  return e;
}

static struct
{
  char const *ip;
  char const *shown;
  char const *whole;
} const ends[] = {
    {"127.0.0.1", "127.0.0.1", "127.0.0.1:2525"},
    {"::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7:2525"},
    {"::1", "::1", "[::1]:2525"},
    {"2001:db8::7", "2001:db8::7", "[2001:db8::7]:2525"},
    {"255.255.255.255", "255.255.255.255", "255.255.255.255:2525"},
};

START_TEST(endpoints)
{
  endpoint e = end(ends[_i].ip, 2525);
  char s[ENDPOINT_FMT];

  ck_assert_uint_eq(endpoint_fmt_ip(s, &e), strlen(ends[_i].shown));
  ck_assert_str_eq(s, ends[_i].shown);
  ck_assert_uint_eq(endpoint_fmt(s, &e), strlen(ends[_i].whole));
  ck_assert_str_eq(s, ends[_i].whole);
}
END_TEST

START_TEST(longest_endpoint)
{
  endpoint e = end("2001:1db8:2db8:3db8:4db8:5db8:6db8:7db8", 65535);
  char s[ENDPOINT_FMT];

  ck_assert_uint_lt(endpoint_fmt(s, &e), ENDPOINT_FMT);
  ck_assert_str_eq(s, "[2001:1db8:2db8:3db8:4db8:5db8:6db8:7db8]:65535");
}
END_TEST

static int same_client(char const *x, char const *y)
{
  endpoint a = end(x, 1), b = end(y, 2);
  client c, d;

  endpoint_client(&c, &a);
  endpoint_client(&d, &b);
  return !memcmp(&c, &d, sizeof c);
}

START_TEST(clients)
{
  ck_assert(same_client("192.0.2.1", "192.0.2.1"));
  ck_assert(same_client("192.0.2.1", "::ffff:192.0.2.1"));
  ck_assert(!same_client("192.0.2.1", "192.0.2.2"));
  ck_assert(same_client("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
  ck_assert(!same_client("2001:db8:0:1::1", "2001:db8:0:2::1"));
  ck_assert(!same_client("::1", "0.0.0.1"));
}
END_TEST

START_TEST(not_an_endpoint)
{
  struct sockaddr_storage sa = {.ss_family = AF_UNIX};
  endpoint e;
  ck_assert_int_eq(endpoint_from(&e, &sa), -1);
}
END_TEST

static unsigned int count(places const *p, char const *ip)
{
  endpoint e = end(ip, 9);
  client c;

  endpoint_client(&c, &e);
  return places_count(p, &c);
}

static unsigned int take(places *p, pid_t pid, char const *ip)
{
  endpoint e = end(ip, (uint16_t)pid);
  unsigned int i = places_free(p);

  p->marks[i] = 0;
  places_take(p, i, pid, &e, 12);
  return i;
}

START_TEST(table)
{
  places p;
  endpoint out;

  ck_assert_int_eq(places_open(&p, -1, 0), 0);
  take(&p, 101, "192.0.2.1");
  take(&p, 102, "2001:db8::1");
  take(&p, 103, "2001:db8::2");
  take(&p, 104, "192.0.2.1");
  ck_assert_uint_eq(p.n, 4);
  ck_assert_uint_eq(count(&p, "192.0.2.1"), 2);
  ck_assert_uint_eq(count(&p, "2001:db8::ffff"), 2);
  ck_assert_uint_eq(count(&p, "192.0.2.2"), 0);
  ck_assert(!places_leave(&p, 999, &out));
  ck_assert(places_leave(&p, 102, &out));
  ck_assert_uint_eq(out.port, 102);
  ck_assert_uint_eq(take(&p, 105, "192.0.2.1"), 1);
  ck_assert(places_leave(&p, 104, &out) && places_leave(&p, 105, &out));
  ck_assert_uint_eq(count(&p, "192.0.2.1"), 1);
  ck_assert_uint_eq(count(&p, "2001:db8::ffff"), 1);
  ck_assert(places_leave(&p, 101, &out) && places_leave(&p, 103, &out));
  ck_assert_uint_eq(p.n, 0);
  ck_assert_uint_eq(p.top, 0);
}
END_TEST

/* A child that ends when it is killed. */
static pid_t sleeper(void)
{
  pid_t pid;

  signal(SIGTERM, SIG_DFL); /* check's own, which the child has until it runs, would end the test */
  pid = fork();
  if (!pid)
    for (;;) pause();
  ck_assert_int_gt(pid, 0);
  return pid;
}

static int await_adopted(places *p, unsigned int n)
{
  struct pollfd x = {.fd = p->watch, .events = POLLIN};

  while (p->n != n && poll(&x, 1, 10000) > 0) places_reap(p);
  return p->n == n;
}

START_TEST(adoption)
{
  places old, new;
  pid_t a = sleeper(), b = sleeper(), gone = sleeper(), c;
  uint32_t generation;
  uint64_t now;
  int status;

  ck_assert_int_eq(places_open(&old, -1, 0), 0);
  take(&old, a, "192.0.2.1");
  take(&old, gone, "192.0.2.2");
  take(&old, b, "192.0.2.1");
  kill(gone, SIGKILL);
  ck_assert_int_eq(waitpid(gone, &status, 0), gone);
  now = clock_boot_ms();
  ck_assert_int_eq(places_open(&new, old.fd, now + 60000), 0);
  c = sleeper(); /* as a standby, it has all descriptors too */
  ck_assert_uint_eq(new.n, 2);
  ck_assert_uint_eq(count(&new, "192.0.2.1"), 2);
  ck_assert_uint_eq(places_draining(&new, &generation), 2);
  ck_assert_uint_eq(generation, 12);
  ck_assert_uint_eq(places_tell(&new, now), now + 60000);
  places_hasten(&new, 1, now);
  ck_assert_uint_eq(places_tell(&new, now), now + 5000); /* one was told; KILL comes then */
  ck_assert(await_adopted(&new, 1));
  places_end(&new, now);
  places_tell(&new, now);
  ck_assert(await_adopted(&new, 0));
  ck_assert_uint_eq(places_tell(&new, now), UINT64_MAX);
  kill(c, SIGKILL);
}
END_TEST

START_TEST(adopted_not_a_table)
{
  places p;

  ck_assert_int_eq(places_open(&p, open("/dev/null", O_RDWR), 0), -1);
  ck_assert_int_eq(errno, EPROTO);
}
END_TEST

START_TEST(yielding)
{
  places p;
  endpoint stranger = end("192.0.2.9", 1), many = end("192.0.2.1", 1);
  unsigned int first;
  uint64_t now;

  ck_assert_int_eq(places_open(&p, -1, 0), 0);
  first = take(&p, 101, "192.0.2.1");
  take(&p, 102, "192.0.2.2");
  p.marks[take(&p, 103, "192.0.2.1")] = 1;
  take(&p, 104, "192.0.2.1");
  p.list[first].born -= 10;
  now = clock_boot_ms();
  ck_assert_uint_eq(places_yield(&p, &stranger, now), first); /* of the three, the oldest that is silent */
  p.marks[first] = 1;
  ck_assert_uint_eq(places_yield(&p, &stranger, now), 3);
  ck_assert_uint_eq(places_yield(&p, &many, now), PLACES_MAX);
  p.marks[3] = 1;
  ck_assert_uint_eq(places_yield(&p, &stranger, now), PLACES_MAX); /* 102 has as few, and is too young */
  ck_assert_uint_eq(places_yield(&p, &stranger, now + PLACES_AGE + 1000), 1);
}
END_TEST

static char const *value(environment const *e, char const *name)
{
  size_t n = strlen(name);
  char const *found = 0;

  for (char const **v = e->vars; *v; v++)
    if (!strncmp(*v, name, n) && (*v)[n] == '=')
    {
      ck_assert_msg(!found, "%s twice", name);
      found = *v + n + 1;
    }
  return found;
}

START_TEST(variables)
{
  char const *const given[] = {"A=1",
                               "PROTO=SSL",
                               "TCPREMOTEHOST=x",
                               "TCPREMOTEINFO=me",
                               "TCPLOCALHOST=y",
                               "TCPLOCALIP=z",
                               "TCPREMOTEIPX=",
                               "TCPLOCALLABEL=q",
                               "B=2",
                               0};
  environment e;
  endpoint l = end("::1", 2525), r = end("::ffff:192.0.2.9", 65535);

  ck_assert_int_eq(environment_init(&e, given, 0), 0);
  environment_set(&e, &l, &r, "tls");
  ck_assert_str_eq(value(&e, "PROTO"), "TCP");
  ck_assert_str_eq(value(&e, "TCPLOCALIP"), "::1");
  ck_assert_str_eq(value(&e, "TCPLOCALPORT"), "2525");
  ck_assert_str_eq(value(&e, "TCPREMOTEIP"), "192.0.2.9");
  ck_assert_str_eq(value(&e, "TCPREMOTEPORT"), "65535");
  ck_assert_str_eq(value(&e, "TCPLOCALLABEL"), "tls");
  ck_assert_str_eq(value(&e, "A"), "1");
  ck_assert_str_eq(value(&e, "B"), "2");
  ck_assert_str_eq(value(&e, "TCPREMOTEIPX"), "");
  ck_assert_ptr_null(value(&e, "TCPREMOTEHOST"));
  ck_assert_ptr_null(value(&e, "TCPREMOTEINFO"));
  ck_assert_ptr_null(value(&e, "TCPLOCALHOST"));
  environment_set(&e, &l, &r, "");
  ck_assert_ptr_null(value(&e, "TCPLOCALLABEL"));
  environment_free(&e);
  ck_assert_int_eq(environment_init(&e, given, "mx.example.test"), 0);
  environment_set(&e, &l, &r, "");
  ck_assert_str_eq(value(&e, "TCPLOCALHOST"), "mx.example.test");
  ck_assert_str_eq(value(&e, "TCPLOCALIP"), "::1");
  environment_free(&e);
}
END_TEST

static struct
{
  char const *text;
  int good;
} const addresses[] = {
    {"127.0.0.1:25", 1},
    {"*:25/a", 1},
    {"fd:3", 1},
    {"fd:12/tls", 1},
    {"fd:", 0},
    {"fd:x", 0},
    {"fd:3/", 0},
    {"fd:3/a b", 0},
    {"fd:3x", 0},
    {"fd:-1", 0},
    {"mail:25", 0},
    {"", 0},
    {"fd:3/0123456789012345678901234567890123", 0},
};

START_TEST(listening_addresses)
{
  char const *wrong = listener_wrong(addresses[_i].text);
  ck_assert_msg((wrong == 0) == addresses[_i].good, "%s: %s", addresses[_i].text, wrong ? wrong : "accepted");
}
END_TEST

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static struct
{
  char const *s;
  size_t n;
  proxy_result is;
  size_t used;
  char const *remote, *local;
} const headers[] = {
#define H(s, is, used, remote, local)                                                                        \
  {                                                                                                          \
    s, sizeof s - 1, is, used, remote, local                                                                 \
  }
    H("PROXY TCP4 192.0.2.7 203.0.113.1 56324 25\r\nEHLO", PROXY_CLIENT, 43, "192.0.2.7:56324",
      "203.0.113.1:25"),
    H("PROXY TCP6 2001:db8::7 ::1 1 65535\r\n", PROXY_CLIENT, 36, "[2001:db8::7]:1", "[::1]:65535"),
    H("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n", PROXY_CLIENT, 37, "192.0.2.7:1", "[::1]:2"),
    H("PROXY UNKNOWN\r\n", PROXY_OWN, 15, 0, 0),
    H("PROXY UNKNOWN ffff::1 whatever it is\r\n", PROXY_OWN, 38, 0, 0),
    H("", PROXY_MORE, 0, 0, 0),
    H("PROX", PROXY_MORE, 0, 0, 0),
    H("PROXY TCP4 192.0.2.7", PROXY_MORE, 0, 0, 0),
    H("PROXY TCP4 192.0.2.7 203.0.113.1 56324 25\r", PROXY_MORE, 0, 0, 0),
    H("EHLO x\r\n", PROXY_WRONG, 0, 0, 0),
    H("PROXY TCP4 192.0.2.7 203.0.113.1 56324 25\n", PROXY_WRONG, 42, 0, 0),
    H("PROXY TCP4 192.0.2.7 203.0.113.1 56324\r\n", PROXY_WRONG, 40, 0, 0),
    H("PROXY TCP4 192.0.2.7 203.0.113.1 1 2 3\r\n", PROXY_WRONG, 40, 0, 0),
    H("PROXY TCP4 1 2 3 4 5 6 7 8 9 10\r\n", PROXY_WRONG, 33, 0, 0),
    H("PROXY TCP4 192.0.2.7  203.0.113.1 1 2\r\n", PROXY_WRONG, 39, 0, 0),
    H("PROXY TCP4 192.0.2.7 203.0.113.1 1 65536\r\n", PROXY_WRONG, 42, 0, 0),
    H("PROXY TCP4 ::1 ::1 1 2\r\n", PROXY_WRONG, 24, 0, 0),
    H("PROXY UDP4 192.0.2.7 203.0.113.1 1 2\r\n", PROXY_WRONG, 38, 0, 0),
    H("PROXY TCP4 192.0.2.7 203.0.113.1 1 "
      "2222222222222222222222222222222222222222222222222222222222222222222222222",
      PROXY_WRONG, 0, 0, 0),
    H(SIGNATURE "\x21\x11\0\x0c\xc0\0\2\7\xcb\0\x71\1\xdc\4\0\x19", PROXY_CLIENT, 28, "192.0.2.7:56324",
      "203.0.113.1:25"),
    H(SIGNATURE "\x21\x11\0\x0f\xc0\0\2\7\xcb\0\x71\1\xdc\4\0\x19\4\0\0rest", PROXY_CLIENT, 31,
      "192.0.2.7:56324", "203.0.113.1:25"),
    H(SIGNATURE "\x21\x21\0\x24"
                "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
                "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
                "\0\1\0\2",
      PROXY_CLIENT, 52, "[2001:db8::7]:1", "[::1]:2"),
    H(SIGNATURE "\x20\0\0\0", PROXY_OWN, 16, 0, 0),
    H(SIGNATURE "\x21\x31\0\1x", PROXY_OWN, 17, 0, 0),
    H(SIGNATURE "\x21\x11\0\x0b\xc0\0\2\7\xcb\0\x71\1\xdc\4\0", PROXY_WRONG, 27, 0, 0),
    H(SIGNATURE "\x21\x11\0\x0c\xc0", PROXY_MORE, 28, 0, 0),
    H(SIGNATURE "\x11\x11\0\0", PROXY_WRONG, 16, 0, 0),
    H(SIGNATURE "\x22\x11\0\0", PROXY_WRONG, 16, 0, 0),
    H(SIGNATURE "\x21\x11\xff\xff", PROXY_WRONG, 65551, 0, 0),
    H("\r\n\r\n", PROXY_MORE, 0, 0, 0),
    H("\r\n\r\nx", PROXY_WRONG, 0, 0, 0),
};

START_TEST(proxied)
{
  endpoint local, remote;
  char s[ENDPOINT_FMT];
  size_t used;

  ck_assert_int_eq(proxy_scan((unsigned char const *)headers[_i].s, headers[_i].n, &used, &local, &remote),
                   headers[_i].is);
  ck_assert_uint_eq(used, headers[_i].used);
  if (!headers[_i].remote) return;
  endpoint_fmt(s, &remote);
  ck_assert_str_eq(s, headers[_i].remote);
  endpoint_fmt(s, &local);
  ck_assert_str_eq(s, headers[_i].local);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("tcp");
  TCase *t = tcase_create("tcp");

  tcase_add_loop_test(t, proxied, 0, sizeof headers / sizeof headers[0]);
  tcase_add_loop_test(t, endpoints, 0, sizeof ends / sizeof ends[0]);
  tcase_add_test(t, longest_endpoint);
  tcase_add_test(t, clients);
  tcase_add_test(t, not_an_endpoint);
  tcase_add_test(t, table);
  tcase_add_test(t, adoption);
  tcase_add_test(t, adopted_not_a_table);
  tcase_add_test(t, yielding);
  tcase_add_test(t, variables);
  tcase_add_loop_test(t, listening_addresses, 0, sizeof addresses / sizeof addresses[0]);
  suite_add_tcase(s, t);
  return unit_run(s);
}
