#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <runlib/fdpass.h>
#include <runlib/tlsclient.h>

#include <services/tls/workers-internal.h>
#include <services/tls/slots-internal.h>
#include <services/tls/request-internal.h>
#include <services/tls/settings-internal.h>
#include <services/tls/ticket-internal.h>

#include "unit.h"

/* --- requests --- */

#define HEAD "tlsd 1\nmode starttls\npeer 192.0.2.1\n"

static struct
{
  char const *text;
  char const *wrong; /* a part of it; 0: good */
} const requests[] = {
    {HEAD, 0},
    {HEAD "name mx.example.test\nready 220 go\n", 0},
    {HEAD "colour blue\n", 0},
    {"tlsd 1\nmode implicit\npeer 2001:db8::1\n", 0},
    {"", "first line"},
    {"tlsd 1", "first line"},
    {"tlsd 2\nmode implicit\npeer 192.0.2.1\n", "first line"},
    {"tlsd 1\n", "no mode"},
    {"tlsd 1\nmode implicit\n", "no peer"},
    {"tlsd 1\npeer 192.0.2.1\n", "no mode"},
    {"tlsd 1\nmode both\npeer 192.0.2.1\n", "mode"},
    {"tlsd 1\nmode implicit\npeer mx.example.test\n", "IP address"},
    {"tlsd 1\nmode implicit\npeer \n", "IP address"},
    {"tlsd 1\nmode implicit\npeer 192.0.2.1", "no end"},
    {HEAD "\n", "without a blank"},
    {HEAD "name\n", "without a blank"},
    {HEAD "ready \x01\n", "ready"},
    {HEAD "name \x7f\n", "name"},
};

START_TEST(request_table)
{
  request rq;
  char const *wrong = request_scan(requests[_i].text, strlen(requests[_i].text), &rq);

  if (!requests[_i].wrong)
    ck_assert_msg(!wrong, "%s: %s", requests[_i].text, wrong);
  else
  {
    ck_assert_ptr_nonnull(wrong);
    ck_assert_ptr_nonnull(strstr(wrong, requests[_i].wrong));
  }
}
END_TEST

START_TEST(request_bounds)
{
  char s[TLS_REQUEST_MAX] = HEAD "name ";
  size_t n = strlen(s);
  request rq;

  memset(s + n, 'x', 255);
  s[n + 255] = '\n';
  ck_assert_ptr_null(request_scan(s, n + 256, &rq));
  ck_assert_uint_eq(strlen(rq.name), 255);
  s[n + 255] = 'x';
  s[n + 256] = '\n';
  ck_assert_ptr_nonnull(request_scan(s, n + 257, &rq));
  ck_assert_ptr_nonnull(request_scan(HEAD "name a\0b\n", sizeof HEAD "name a\0b\n" - 1, &rq));
}
END_TEST

START_TEST(request_round_trip)
{
  tls_request const rq = {
      .mode = TLS_STARTTLS, .peer = "192.0.2.7", .name = "mx.example.test", .ready = "220 go"};
  char s[TLS_REQUEST_MAX];
  request got;
  int n = tls_request_fmt(s, sizeof s, &rq);

  ck_assert_int_gt(n, 0);
  ck_assert_ptr_null(request_scan(s, (size_t)n, &got));
  ck_assert_str_eq(got.peer, "192.0.2.7");
  ck_assert_str_eq(got.name, "mx.example.test");
  ck_assert_str_eq(got.ready, "220 go\r\n");
  ck_assert_int_eq(tls_request_fmt(s, 20, &rq), -1);
  ck_assert_int_eq(errno, EINVAL);
  ck_assert_int_eq(tls_request_fmt(s, sizeof s, &(tls_request){.peer = "192.0.2.7\nname x"}), -1);
}
END_TEST

/* What counts as one client: an IPv4 address, however it is written, and the /64 of an IPv6 address. */
START_TEST(request_keys)
{
  static char const *const peers[] = {"192.0.2.1",   "::ffff:192.0.2.1", "192.0.2.2",
                                      "2001:db8::1", "2001:db8::2",      "2001:db8:0:1::1"};
  request rq[6];

  for (int i = 0; i < 6; i++)
  {
    char s[128];
    int n = snprintf(s, sizeof s, "tlsd 1\nmode implicit\npeer %s\n", peers[i]);
    ck_assert_ptr_null(request_scan(s, (size_t)n, rq + i));
    ck_assert_str_eq(rq[i].ready, "");
  }
  ck_assert_mem_eq(rq[0].key, rq[1].key, 16);
  ck_assert_mem_ne(rq[0].key, rq[2].key, 16);
  ck_assert_mem_eq(rq[3].key, rq[4].key, 16);
  ck_assert_mem_ne(rq[3].key, rq[5].key, 16);
}
END_TEST

/* --- reports --- */

START_TEST(reports)
{
  tls_info info = TLS_INFO_ZERO;
  char const ok[] =
      "ok\nprotocol TLSv1.3\ncipher TLS_AES_256_GCM_SHA384\nsni mx.\x01test\nresumed 1\nlater thing\n";
  char const busy[] = "busy\nreason too many sessions\n";

  ck_assert_int_eq(tls_report_scan(ok, sizeof ok - 1, &info), 'o');
  ck_assert_str_eq(info.protocol, "TLSv1.3");
  ck_assert_str_eq(info.cipher, "TLS_AES_256_GCM_SHA384");
  ck_assert_str_eq(info.sni, "mx.?test");
  ck_assert_int_eq(info.resumed, 1);
  ck_assert_int_eq(tls_report_scan(busy, sizeof busy - 1, &info), 'b');
  ck_assert_str_eq(info.reason, "too many sessions");
  ck_assert_int_eq(tls_report_scan("accepted\n", 9, &info), 'a');
  ck_assert_int_eq(tls_report_scan("accepted", 8, &info), -1);
  ck_assert_int_eq(errno, EPROTO);
  ck_assert_int_eq(tls_report_scan("okay\n", 5, &info), -1);
  ck_assert_int_eq(tls_report_scan("", 0, &info), -1);
  ck_assert_int_eq(tls_report_scan("ok\nprotocol TLS", 15, &info), -1);
}
END_TEST

/* --- settings --- */

static struct
{
  char const *text;
  unsigned int line; /* of the error */
  char const *wrong; /* 0: good */
} const configurations[] = {
    {"certificate /a\n", 0, 0},
    {"# comment\n\ncertificate /a b\nkey /c\nprotocol 1.3\nworkers 5\n", 0, 0},
    {"certificate /a", 0, 0},
    {"", 0, "no certificate"},
    {"key /a\n", 1, "before its certificate"},
    {"certificate /a\nkey /b\nkey /c\n", 3, "second key"},
    {"certificate\n", 1, "KEY VALUE"},
    {"certificate /a\nfoo bar\n", 2, "unknown key"},
    {"certificate /a\nprotocol 1.4\n", 2, "not 1.0"},
    {"certificate /a\nidle 5m\n", 2, "not a number"},
    {"certificate /a\nworkers 0\n", 0, "workers"},
    {"certificate /a\nworkers 10001\n", 0, "workers"},
    {"certificate /a\nspare 0\n", 0, "spare"},
};

START_TEST(settings_table)
{
  char text[256];
  settings st;
  unsigned int line = 99;
  char const *wrong = settings_scan(&st, strcpy(text, configurations[_i].text), &line);

  if (!configurations[_i].wrong)
    ck_assert_msg(!wrong, "%s: %s", configurations[_i].text, wrong);
  else
  {
    ck_assert_ptr_nonnull(wrong);
    ck_assert_ptr_nonnull(strstr(wrong, configurations[_i].wrong));
    ck_assert_uint_eq(line, configurations[_i].line);
  }
}
END_TEST

START_TEST(settings_values)
{
  char text[] = "certificate /a\ncertificate /b c\nkey /d\ndrain 0\n";
  settings st;
  unsigned int line;

  ck_assert_ptr_null(settings_scan(&st, text, &line));
  ck_assert_uint_eq(st.nfiles, 2);
  ck_assert_str_eq(st.files[0].key, "/a");
  ck_assert_str_eq(st.files[1].certificate, "/b c");
  ck_assert_str_eq(st.files[1].key, "/d");
  ck_assert_uint_eq(st.minor, 2);
  ck_assert_uint_eq(st.drain, 0);
}
END_TEST

/* --- places and workers --- */

START_TEST(slots)
{
  static place list[PLACES_MAX];
  unsigned char const a[16] = "a";
  unsigned char const b[16] = "b";

  ck_assert_int_eq(slot_take(list, 3, 1, a, 2), SLOT_TAKEN);
  ck_assert_int_eq(slot_take(list, 3, 2, a, 2), SLOT_TAKEN);
  ck_assert_int_eq(slot_take(list, 3, 3, a, 2), SLOT_CLIENT);
  ck_assert_uint_eq(place_count(list, 3), 2);
  ck_assert_int_eq(slot_take(list, 3, 3, b, 2), SLOT_TAKEN);
  ck_assert_int_eq(slot_take(list, 3, 4, b, 2), SLOT_FULL);
  ck_assert_int_eq(slot_free(list, 1), 1);
  ck_assert_int_eq(slot_free(list, 1), 0);
  ck_assert_int_eq(slot_take(list, 3, 5, a, 2), SLOT_TAKEN);
  ck_assert_uint_eq(place_count(list, 3), 3);
}
END_TEST

START_TEST(members)
{
  workers c;

  ck_assert_int_eq(workers_init(&c, 3), 0);
  for (pid_t pid = 1; pid <= 3; pid++) ck_assert_int_eq(workers_add(&c, pid), 0);
  ck_assert_int_eq(workers_add(&c, 4), -1);
  workers_took(&c, 2);
  workers_took(&c, 2);
  workers_took(&c, 77);
  ck_assert_uint_eq(c.busy, 1);
  ck_assert_int_eq(workers_remove(&c, 1), 0);
  ck_assert_int_eq(workers_remove(&c, 1), -1);
  ck_assert_int_eq(workers_remove(&c, 2), 1);
  ck_assert_uint_eq(c.busy, 0);
  ck_assert_uint_eq(c.n, 1);
  ck_assert_int_eq(c.list[0], 3);
  free(c.list);
}
END_TEST

/* --- tickets --- */

START_TEST(ticket_keys)
{
  static ticket_ring ring;
  ticket_ring before;

  ck_assert_int_eq(ticket_init(&ring), 0);
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < i; j++) ck_assert_mem_ne(ring.keys + i, ring.keys + j, sizeof ring.keys[0]);
  before = ring;
  ck_assert_int_eq(ticket_rotate(&ring), 0);
  ck_assert_uint_eq(ring.current, (before.current + 1) % 3);
  for (unsigned int i = 0; i < 3; i++)
    if (i == ring.current) /* the oldest has gone, the two others still open their tickets */
      ck_assert_mem_ne(ring.keys + i, before.keys + i, sizeof ring.keys[0]);
    else
      ck_assert_mem_eq(ring.keys + i, before.keys + i, sizeof ring.keys[0]);
}
END_TEST

/* --- descriptors --- */

static int free_fd(void)
{
  int fd = open("/dev/null", O_RDONLY);
  close(fd);
  return fd;
}

/* Whatever comes, nothing stays open that was not asked for. */
START_TEST(fdpass)
{
  int pair[2];
  int fds[FDPASS_MAX];
  char s[8];

  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
  int before = free_fd();
  for (unsigned int sent = 1; sent <= 2; sent++)
    for (unsigned int wanted = 1; wanted <= 2; wanted++)
    {
      ck_assert_int_eq(fdpass_send(pair[0], "abc", 3, (int const[]){0, 1}, sent), 0);
      ssize_t n = fdpass_receive(pair[1], s, sizeof s, fds, wanted, 0);
      ck_assert_int_eq(n, sent == wanted ? 3 : -1);
      if (n < 0) ck_assert_int_eq(errno, EPROTO);
      for (unsigned int i = 0; n > 0 && i < wanted; i++) close(fds[i]);
      ck_assert_int_eq(free_fd(), before);
    }
  ck_assert_int_eq(fdpass_send(pair[0], "0123456789", 10, (int const[]){0}, 1), 0);
  ck_assert_int_eq(fdpass_receive(pair[1], s, sizeof s, fds, 1, 0), -1);
  ck_assert_int_eq(free_fd(), before);
  close(pair[0]);
  ck_assert_int_eq(fdpass_receive(pair[1], s, sizeof s, fds, 1, 0), 0);
}
END_TEST

/* --- tls_start against a tlsd that does what the test says --- */

static char path[64];

static int listen_here(void)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

  snprintf(path, sizeof path, "/tmp/tls-unit.%d", (int)getpid());
  strcpy(sa.sun_path, path);
  unlink(path);
  ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
  ck_assert_int_eq(listen(fd, 5), 0);
  return fd;
}

/* Plays tlsd for one request: reads it (if read), says the texts, and ends. Returns its pid. */
static pid_t play(int listener, int reads, char const *first, char const *second)
{
  pid_t pid = fork();

  if (pid) return pid;
  char s[TLS_REQUEST_MAX];
  int fds[2];
  int fd = accept(listener, 0, 0);
  if (reads && fdpass_receive(fd, s, sizeof s, fds, 2, 0) <= 0) _exit(1);
  if (first) (void)!write(fd, first, strlen(first));
  if (second) (void)!write(fd, second, strlen(second));
  if (reads) (void)!write(fds[1], "hello", 5);
  _exit(0);
}

static struct
{
  int reads;
  char const *first;
  char const *second;
  int error; /* 0: it succeeds */
} const plays[] = {
    {1, "accepted\n", "ok\nprotocol TLSv1.3\n", 0},
    {1, "busy\nreason full\n", 0, EBUSY},
    {1, "failed\nreason bad request\n", 0, EINVAL},
    {1, "accepted\n", "failed\nreason no shared cipher\n", EPROTO},
    {1, "accepted\n", 0, EPROTO},
    {1, "accepted\n", "gibberish", EPROTO},
    {1, "ok\n", 0, EINVAL},
    {1, "gibberish", 0, EINVAL},
    {1, 0, 0, ECONNRESET},
    {0, 0, 0, ECONNRESET},
};

START_TEST(start_table)
{
  tls_request const rq = {.mode = TLS_IMPLICIT, .peer = "192.0.2.1"};
  tls_info info;
  int listener = listen_here();
  int plain = -1;
  char s[6] = "";
  int status;
  int before = free_fd();
  pid_t pid = play(listener, plays[_i].reads, plays[_i].first, plays[_i].second);
  int r = tls_start(path, &rq, 0, &plain, &info, 5000);
  int e = errno;

  waitpid(pid, &status, 0);
  unlink(path);
  ck_assert_int_eq(r, plays[_i].error ? -1 : 0);
  if (r < 0)
    ck_assert_int_eq(e, plays[_i].error);
  else
  {
    ck_assert_int_eq(read(plain, s, 5), 5);
    ck_assert_str_eq(s, "hello");
    ck_assert_int_eq(fcntl(plain, F_GETFD), FD_CLOEXEC);
    close(plain);
  }
  ck_assert_int_eq(free_fd(), before);
}
END_TEST

START_TEST(start_away)
{
  tls_request const rq = {.mode = TLS_STARTTLS, .peer = "192.0.2.1"};
  tls_info info;
  int plain = -1;
  int listener;

  ck_assert_int_eq(tls_start("/nonexistent/tls.sock", &rq, 0, &plain, &info, 1000), -1);
  ck_assert_int_eq(errno, ENOENT);
  listener = listen_here();
  ck_assert_int_eq(tls_start(path, &rq, 0, &plain, &info, 50), -1); /* nobody accepts */
  ck_assert_int_eq(errno, ETIMEDOUT);
  close(listener);
  ck_assert_int_eq(tls_start(path, &rq, 0, &plain, &info, 1000), -1);
  ck_assert_int_eq(errno, ECONNREFUSED);
  unlink(path);
  ck_assert_int_eq(plain, -1);
}
END_TEST

/* tlsd that wakes up too late cannot say its word any more, and so never speaks to the client. */
START_TEST(start_too_late)
{
  tls_request const rq = {.mode = TLS_STARTTLS, .peer = "192.0.2.1"};
  tls_info info;
  int plain;
  int listener = listen_here();

  ck_assert_int_eq(tls_start(path, &rq, 0, &plain, &info, 50), -1);
  int fd = accept(listener, 0, 0);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(send(fd, "accepted\n", 9, MSG_NOSIGNAL), -1);
  ck_assert_int_eq(errno, EPIPE);
  unlink(path);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("tls");
  TCase *t = tcase_create("tls");

#define TABLE(test, list) tcase_add_loop_test(t, test, 0, sizeof list / sizeof list[0])
  TABLE(request_table, requests);
  tcase_add_test(t, request_bounds);
  tcase_add_test(t, request_round_trip);
  tcase_add_test(t, request_keys);
  tcase_add_test(t, reports);
  TABLE(settings_table, configurations);
  tcase_add_test(t, settings_values);
  tcase_add_test(t, slots);
  tcase_add_test(t, members);
  tcase_add_test(t, ticket_keys);
  tcase_add_test(t, fdpass);
  TABLE(start_table, plays);
  tcase_add_test(t, start_away);
  tcase_add_test(t, start_too_late);
  suite_add_tcase(s, t);
  return unit_run(s);
}
