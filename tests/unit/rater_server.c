#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <services/rater/server.h>

#include "unit.h"

/* How long raterd waits for its clients. Time passes by setting the table's clock, not by waiting. */

static engine e;
static server s;
static int tcp, local; /* descriptors that listen */

static int listening(int family, void const *address, socklen_t len)
{
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);

  ck_assert(fd >= 0 && !bind(fd, address, len) && !listen(fd, 10));
  return fd;
}

static void start(void)
{
  static char const text[] = "a * 1000000/1h\n";
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_un un = {.sun_family = AF_UNIX}; /* no name: the kernel finds one */
  stralloc errors = STRALLOC_ZERO;
  rules *r = calloc(1, sizeof *r);
  table_news news;

  memset(&e, 0, sizeof e);
  ck_assert(r && !table_open(&e.table, 0, 1000, &news) &&
            !rules_parse(r, "rules", text, strlen(text), &errors));
  engine_rules(&e, r);
  e.now = table_tick(&e.table);
  ck_assert_int_eq(server_init(&s, &e, 10), 0);
  tcp = listening(AF_INET, &in, sizeof in);
  local = listening(AF_UNIX, &un, sizeof(sa_family_t));
  ck_assert(!server_listen(&s, tcp, 1) && !server_listen(&s, local, 0));
}

static void stop(void)
{
  server_free(&s);
  engine_free(&e);
}

/* A client of that listener, which has said so much, and that the server has heard. */
static int client_of(int where, char const *says)
{
  struct sockaddr_storage to;
  socklen_t len = sizeof to;
  int fd;

  ck_assert(!getsockname(where, (struct sockaddr *)&to, &len));
  fd = socket(to.ss_family, SOCK_STREAM, 0);
  ck_assert(fd >= 0 && !connect(fd, (struct sockaddr *)&to, len));
  ck_assert_int_eq(server_turn(&s), 0);
  ck_assert_int_eq(write(fd, says, strlen(says)), (ssize_t)strlen(says));
  if (*says) ck_assert_int_eq(server_turn(&s), 0);
  return fd;
}

/* How many clients there are so many ms later. */
static unsigned int later(uint64_t ms)
{
  e.table.header->boot -= ms;
  ck_assert_int_eq(server_turn(&s), 0);
  return s.clients;
}

START_TEST(silent_tcp)
{
  int fd = client_of(tcp, "");
  char c;

  ck_assert_uint_eq(later(TIMEOUT_TCP / 2), 1);
  ck_assert_uint_eq(later(TIMEOUT_TCP / 2), 0);
  ck_assert_int_eq(read(fd, &c, 1), 0);
  close(fd);
}
END_TEST

/* A byte now and then buys no time. */
START_TEST(dripping)
{
  int on_tcp = _i == 0;
  int fd = client_of(on_tcp ? tcp : local, "a ");
  uint64_t half = (on_tcp ? TIMEOUT_TCP : TIMEOUT_UNIX) / 2;

  ck_assert_int_eq(write(fd, "h", 1), 1);
  ck_assert_uint_eq(later(half), 1);
  ck_assert_int_eq(write(fd, "a", 1), 1);
  ck_assert_uint_eq(later(half), 0);
  close(fd);
}
END_TEST

/* On the unix socket, who has asked may ask again tomorrow. */
START_TEST(idle_unix)
{
  int fd = client_of(local, "a v\n");
  char answer[32];

  ck_assert_int_gt(read(fd, answer, sizeof answer), 0);
  ck_assert_int_eq(write(fd, "a v\n", 4), 4);
  ck_assert_uint_eq(later(86400000), 1);
  ck_assert_int_gt(read(fd, answer, sizeof answer), 0);
  ck_assert_int_eq(memcmp(answer, "0 ", 2), 0);
  close(fd);
}
END_TEST

/* A client that asks and takes no answer, until the server must keep some of them. */
static int client_that_reads_nothing(void)
{
  int fd = client_of(local, "!limits\n");

  for (unsigned int i = 0; i < 100000 && !s.held; i++)
  {
    ck_assert_int_eq(write(fd, "!limits\n", 8), 8);
    ck_assert_int_eq(server_turn(&s), 0);
  }
  ck_assert_uint_gt(s.held, 0);
  return fd;
}

START_TEST(unread)
{
  int fd = client_that_reads_nothing();

  ck_assert_uint_eq(later(TIMEOUT_UNIX / 2), 1);
  ck_assert_uint_eq(later(TIMEOUT_UNIX / 2), 0);
  ck_assert_uint_eq(s.held, 0);
  close(fd);
}
END_TEST

/* A TCP client that said more than it should is waited for after its answer, but not for long. */
START_TEST(lingering)
{
  int fd = client_of(tcp, "a v\nand more");
  char answer[32];

  ck_assert_int_gt(read(fd, answer, sizeof answer), 0);
  ck_assert_int_eq(read(fd, answer, sizeof answer), 0);
  ck_assert_uint_eq(later(0), 1);
  ck_assert_uint_eq(later(TIMEOUT_LINGER), 0);
  close(fd);
}
END_TEST

/* TERM: what is owed is owed for a while. */
START_TEST(draining)
{
  int fd = client_that_reads_nothing();

  server_end(&s);
  ck_assert(!server_done(&s));
  ck_assert_uint_eq(later(0), 1);
  ck_assert_uint_eq(later(TIMEOUT_DRAIN), 0);
  ck_assert(server_done(&s));
  close(fd);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("rater_server");
  TCase *t = tcase_create("server");

  tcase_add_checked_fixture(t, start, stop);
  tcase_add_test(t, silent_tcp);
  tcase_add_loop_test(t, dripping, 0, 2);
  tcase_add_test(t, idle_unix);
  tcase_add_test(t, unread);
  tcase_add_test(t, lingering);
  tcase_add_test(t, draining);
  suite_add_tcase(suite, t);
  return unit_run(suite);
}
