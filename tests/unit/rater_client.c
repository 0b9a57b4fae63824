#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/rater.h>

#include "directory.h"
#include "unit.h"

static char const path[] = "./socket";
static pid_t server;

static void stop(void)
{
  if (server > 0)
  {
    kill(server, SIGKILL);
    waitpid(server, 0, 0);
  }
  server = 0;
  unlink(path);
}

static int listen_at(int backlog)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);

  strcpy(sa.sun_path, path);
  ck_assert(fd >= 0 && !bind(fd, (struct sockaddr *)&sa, sizeof sa) && !listen(fd, backlog));
  return fd;
}

/* A server of its own process that does the same to every client. */
static void serve(void (*how)(int client, void const *data), void const *data)
{
  int fd = listen_at(16);

  server = fork();
  ck_assert_int_ge(server, 0);
  if (!server)
  {
    signal(SIGPIPE, SIG_IGN);
    for (;;)
    {
      int client = accept(fd, 0, 0);
      if (client < 0) _exit(1);
      (*how)(client, data);
      close(client);
    }
  }
  close(fd);
}

/* Reads requests to the client's end, and says data to each line. */
static void say(int client, void const *data)
{
  char buf[4096];
  ssize_t n;

  while ((n = read(client, buf, sizeof buf)) > 0)
    if (buf[n - 1] == '\n' && write(client, data, strlen(data)) < 0) return;
}

static void say_once(int client, void const *data)
{
  char buf[4096];
  if (read(client, buf, sizeof buf) > 0 && write(client, data, strlen(data)) < 0) return;
}

static void hang_up(int client, void const *data)
{
  (void)client;
  (void)data;
}

static void say_nothing(int client, void const *data)
{
  char buf[4096];
  (void)data;
  while (read(client, buf, sizeof buf) > 0)
    ;
}

static void trickle(int client, void const *data)
{
  (void)data;
  for (;;)
  {
    if (write(client, "0", 1) < 0) return;
    usleep(20000);
  }
}

static void echo(int client, void const *data)
{
  char buf[4096] = "2 ";
  ssize_t n;
  (void)data;
  while ((n = read(client, buf + 2, sizeof buf - 2)) > 0)
    if (write(client, buf, (size_t)n + 2) < 0) return;
}

static unsigned int open_files(void)
{
  DIR *d = opendir("/proc/self/fd");
  unsigned int n = 0;

  ck_assert_ptr_nonnull(d);
  while (readdir(d)) n++;
  closedir(d);
  return n;
}

static long ms_since(struct timespec const *begin)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (now.tv_sec - begin->tv_sec) * 1000 + (now.tv_nsec - begin->tv_nsec) / 1000000;
}

/* Asks, and sees that it took at most its timeout and a bit, and that no descriptor stayed open. */
static rater_answer ask(uint64_t quantity, unsigned int timeout, uint32_t *retry)
{
  struct timespec begin;
  unsigned int files = open_files();
  rater_answer a;
  int e;

  clock_gettime(CLOCK_MONOTONIC, &begin);
  a = rater_ask(path, "logins", "joe", quantity, timeout, retry);
  e = errno;
  ck_assert_int_le(ms_since(&begin), (long)timeout + 1000);
  ck_assert_uint_eq(open_files(), files);
  errno = e;
  return a;
}

static struct
{
  char const *text;
  rater_answer answer;
  int error;
  uint32_t retry;
} const answers[] = {
    {"0 1/3\r\n", RATER_ALLOWED, 0, 0},
    {"0 1/3\n", RATER_ALLOWED, 0, 0},
    {"0 1/3 and more\r\n", RATER_ALLOWED, 0, 0},
    {"1 4/3\r\n", RATER_REFUSED, 0, 0},
    {"1 4/3 1200\r\n", RATER_REFUSED, 0, 1200},
    {"1 4/3 1200 more\r\n", RATER_REFUSED, 0, 1200},
    {"1 4/3 -\r\n", RATER_REFUSED, 0, RATER_NEVER},
    {"1 4/3 99999999999999999999\r\n", RATER_REFUSED, 0, RATER_NEVER - 1},
    {"1 99999999999999999999999/3 7\r\n", RATER_REFUSED, 0, 7},
    {"2 unknown class\r\n", RATER_UNAVAILABLE, EREMOTEIO, 0},
    {"2\r\n", RATER_UNAVAILABLE, EREMOTEIO, 0},
    {"3 1/3\r\n", RATER_UNAVAILABLE, EPROTO, 0},
    {"10 1/3\r\n", RATER_UNAVAILABLE, EPROTO, 0},
    {"0 x\r\n", RATER_UNAVAILABLE, EPROTO, 0},
    {"0 1\r\n", RATER_UNAVAILABLE, EPROTO, 0},
    {"0 1/\r\n", RATER_UNAVAILABLE, EPROTO, 0},
    {"0 1/3x\r\n", RATER_UNAVAILABLE, EPROTO, 0},
    {"0\r\n", RATER_UNAVAILABLE, EPROTO, 0},
    {"\r\n", RATER_UNAVAILABLE, EPROTO, 0},
    {"HTTP/1.0 400\r\n\r\n", RATER_UNAVAILABLE, EPROTO, 0},
    {"0 1/3\r\n0 2/3\r\n", RATER_UNAVAILABLE, EPROTO, 0},
};

START_TEST(understands)
{
  uint32_t retry = 77;
  rater_answer a;

  serve(&say_once, answers[_i].text);
  errno = 0;
  a = ask(1, 5000, &retry);
  ck_assert_msg(a == answers[_i].answer, "%s: %d", answers[_i].text, a);
  if (answers[_i].error) ck_assert_int_eq(errno, answers[_i].error);
  ck_assert_uint_eq(retry, answers[_i].retry);
}
END_TEST

START_TEST(no_socket)
{
  ck_assert(ask(1, 1000, 0) == RATER_UNAVAILABLE && errno == ENOENT);
}
END_TEST

START_TEST(refused)
{
  close(listen_at(1));
  ck_assert(ask(1, 1000, 0) == RATER_UNAVAILABLE && errno == ECONNREFUSED);
}
END_TEST

START_TEST(silent)
{
  serve(&say_nothing, 0);
  ck_assert(ask(1, 100, 0) == RATER_UNAVAILABLE && errno == ETIMEDOUT);
  ck_assert(ask(1, 0, 0) == RATER_UNAVAILABLE && errno == ETIMEDOUT);
}
END_TEST

/* Nobody accepts, and there is no room to wait in: connect itself must give up. */
START_TEST(crowded)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  int fd = listen_at(0), waiting[8];

  strcpy(sa.sun_path, path);
  for (int i = 0; i < 8; i++)
  {
    waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)!connect(waiting[i], (struct sockaddr *)&sa, sizeof sa);
  }
  ck_assert(ask(1, 100, 0) == RATER_UNAVAILABLE && errno == ETIMEDOUT);
  for (int i = 0; i < 8; i++) close(waiting[i]);
  close(fd);
}
END_TEST

START_TEST(slow)
{
  serve(&trickle, 0);
  ck_assert(ask(1, 200, 0) == RATER_UNAVAILABLE && errno == ETIMEDOUT);
}
END_TEST

START_TEST(hung_up)
{
  serve(&hang_up, 0);
  for (int i = 0; i < 50; i++) ck_assert(ask(1, 1000, 0) == RATER_UNAVAILABLE && errno == ECONNRESET);
}
END_TEST

START_TEST(half_answer)
{
  serve(&say_once, "0 1/");
  ck_assert(ask(1, 1000, 0) == RATER_UNAVAILABLE && errno == ECONNRESET);
}
END_TEST

START_TEST(endless_answer)
{
  static char flood[100000];
  memset(flood, '0', sizeof flood - 1);
  serve(&say_once, flood);
  ck_assert(ask(1, 1000, 0) == RATER_UNAVAILABLE && errno == EMSGSIZE);
}
END_TEST

START_TEST(no_descriptors)
{
  struct rlimit rl, few;
  rater_answer a;
  int e;

  serve(&say, "0 1/3\r\n");
  ck_assert(!getrlimit(RLIMIT_NOFILE, &rl));
  few = rl;
  few.rlim_cur = 0;
  ck_assert(!setrlimit(RLIMIT_NOFILE, &few));
  a = rater_ask(path, "logins", "joe", 1, 1000, 0);
  e = errno;
  ck_assert(!setrlimit(RLIMIT_NOFILE, &rl));
  ck_assert(a == RATER_UNAVAILABLE && e == EMFILE);
  ck_assert_int_eq(ask(1, 1000, 0), RATER_ALLOWED);
}
END_TEST

/* valgrind and AddressSanitizer bring allocators that take no such limit */
static void *volatile lost;

static int may_starve(void)
{
  char const *preload = getenv("LD_PRELOAD");
  return UNIT_OWN_MALLOC && !(preload && strstr(preload, "vgpreload"));
}

/* There is no allocation to fail: it answers where malloc does not. */
START_TEST(no_memory)
{
  struct rlimit rl, none = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
  rater_answer a;

  if (!may_starve()) return;
  serve(&say, "0 1/3\r\n");
  ck_assert(!getrlimit(RLIMIT_AS, &rl));
  none.rlim_max = rl.rlim_max;
  ck_assert(!setrlimit(RLIMIT_AS, &none));
  /* lost on purpose: this process ends soon */
  for (void *p = malloc(64); p; p = malloc(64)) lost = p;
  a = rater_ask(path, "logins", "joe", 1, 1000, 0);
  ck_assert(!setrlimit(RLIMIT_AS, &rl));
  ck_assert_int_eq(a, RATER_ALLOWED);
}
END_TEST

static void on_alarm(int sig)
{
  (void)sig;
}

/* Signals interrupt every call, and neither end the question nor prolong it. */
START_TEST(interrupted)
{
  struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
  struct sigaction act = {.sa_handler = &on_alarm};

  sigaction(SIGALRM, &act, 0);
  serve(&say_nothing, 0);
  setitimer(ITIMER_REAL, &often, 0);
  ck_assert(ask(1, 150, 0) == RATER_UNAVAILABLE && errno == ETIMEDOUT);
  setitimer(ITIMER_REAL, &never, 0);
  stop();
  serve(&say, "0 1/3\r\n");
  setitimer(ITIMER_REAL, &often, 0);
  for (int i = 0; i < 100; i++) ck_assert_int_eq(rater_ask(path, "logins", "joe", 1, 5000, 0), RATER_ALLOWED);
  setitimer(ITIMER_REAL, &never, 0);
}
END_TEST

static char big[3000];

static struct
{
  char const *class, *value;
  uint64_t quantity;
  char const *line; /* what raterd gets; 0: nothing, EINVAL */
} const lines[] = {
    {"logins", "joe", 1, "logins joe"},
    {"logins", "joe", 0, "!peek logins joe"},
    {"logins", "joe", 7, "!add 7 logins joe"},
    {"logins", "joe", UINT64_MAX, "!add 999999999999999999 logins joe"},
    {"logins", "", 1, "logins "},
    {"logins", "a b", 1, "logins a b"},
    {"logins", "a\nlogins b\r", 1, "logins a?logins b?"},
    {"log ins", "joe", 1, 0},
    {"log\nins", "joe", 1, 0},
    {"!reset", "joe", 1, 0},
    {"", "joe", 1, 0},
    {"abcdefghijklmnopqrstuvwxyz0123456", "joe", 1, 0},
};

START_TEST(sends)
{
  char answer[RATER_LINE_MAX + 8] = "";
  rater_connection c = RATER_CONNECTION(path);
  rater_answer a;

  serve(&echo, 0);
  a = rater_ask(path, lines[_i].class, lines[_i].value, lines[_i].quantity, 5000, 0);
  ck_assert_int_eq(a, RATER_UNAVAILABLE);
  ck_assert_int_eq(errno, lines[_i].line ? EREMOTEIO : EINVAL);
  if (!lines[_i].line) return;
  ck_assert_int_eq(rater_exchange(&c, lines[_i].line, strlen(lines[_i].line), answer, sizeof answer, 5000),
                   (long)strlen(lines[_i].line) + 2);
  ck_assert_str_eq(answer + 2, lines[_i].line);
  rater_close(&c);
}
END_TEST

/* What a client sends is seen by the server: the line as it was written. */
static void record(int client, void const *data)
{
  char buf[4096];
  size_t n = 0;
  ssize_t r;
  int fd = open(data, O_WRONLY | O_CREAT | O_TRUNC, 0600);

  while (n < sizeof buf && (r = read(client, buf + n, sizeof buf - n)) > 0)
  {
    n += (size_t)r;
    if (buf[n - 1] == '\n') break;
  }
  if (write(fd, buf, n) < 0 || close(fd) < 0 || write(client, "0 1/3\r\n", 7) < 0) return;
}

START_TEST(writes)
{
  char buf[4096];
  ssize_t n;

  if (!lines[_i].line) return;
  serve(&record, "record");
  ck_assert_int_eq(rater_ask(path, lines[_i].class, lines[_i].value, lines[_i].quantity, 5000, 0),
                   RATER_ALLOWED);
  n = openreadnclose("record", buf, sizeof buf - 1);
  ck_assert_int_gt(n, 0);
  buf[n - 1] = 0;
  ck_assert_str_eq(buf, lines[_i].line);
}
END_TEST

/* A value of any length is counted, if cut. */
START_TEST(long_value)
{
  char buf[4096];

  memset(big, 'x', sizeof big - 1);
  serve(&record, "record");
  ck_assert_int_eq(rater_ask(path, "logins", big, 1, 5000, 0), RATER_ALLOWED);
  ck_assert_int_eq(openreadnclose("record", buf, sizeof buf), RATER_LINE_MAX);
}
END_TEST

/* One connection for many questions, and another one if the server ended it in between. */
START_TEST(kept)
{
  rater_connection c = RATER_CONNECTION(path);
  unsigned int files;
  int fd;

  serve(&say, "0 1/3\r\n");
  ck_assert_int_eq(rater_ask_kept(&c, "logins", "joe", 1, 5000, 0), RATER_ALLOWED);
  files = open_files();
  fd = c.fd;
  for (int i = 0; i < 100; i++)
    ck_assert_int_eq(rater_ask_kept(&c, "logins", "joe", 1, 5000, 0), RATER_ALLOWED);
  ck_assert_int_eq(c.fd, fd);
  stop();
  serve(&say_once, "1 4/3 9\r\n");
  for (int i = 0; i < 10; i++)
    ck_assert_int_eq(rater_ask_kept(&c, "logins", "joe", 1, 5000, 0), RATER_REFUSED);
  stop();
  ck_assert(rater_ask_kept(&c, "logins", "joe", 1, 5000, 0) == RATER_UNAVAILABLE && c.fd == -1);
  serve(&say, "0 1/3\r\n");
  ck_assert_int_eq(rater_ask_kept(&c, "logins", "joe", 1, 5000, 0), RATER_ALLOWED);
  ck_assert_uint_eq(open_files(), files);
  rater_close(&c);
  ck_assert_uint_eq(open_files(), files - 1);
  rater_close(&c);
}
END_TEST

/* After a timeout, a late answer must not be taken for the next question's. */
START_TEST(kept_not_late)
{
  rater_connection c = RATER_CONNECTION(path);

  serve(&say_nothing, 0);
  ck_assert_int_eq(rater_ask_kept(&c, "logins", "joe", 1, 50, 0), RATER_UNAVAILABLE);
  ck_assert_int_eq(c.fd, -1);
}
END_TEST

START_TEST(undo)
{
  unsigned int files = open_files();

  serve(&echo, 0);
  ck_assert_int_eq(rater_undo(path, "logins", "joe", 2, 5000), -1);
  ck_assert_int_eq(errno, EREMOTEIO);
  stop();
  serve(&say_once, "0 1\r\n");
  ck_assert_int_eq(rater_undo(path, "logins", "joe", 2, 5000), 0);
  stop();
  serve(&say_once, "what?\r\n");
  ck_assert_int_eq(rater_undo(path, "logins", "joe", 1, 5000), -1);
  ck_assert_int_eq(errno, EPROTO);
  stop();
  serve(&hang_up, 0);
  ck_assert_int_eq(rater_undo(path, "logins", "joe", 1, 5000), -1);
  ck_assert_int_eq(errno, ECONNRESET);
  ck_assert_int_eq(rater_undo(path, "logins", "joe", 0, 5000), -1);
  ck_assert_int_eq(errno, EINVAL);
  ck_assert_int_eq(rater_undo("127.0.0.1:1999", "logins", "joe", 1, 5000), -1);
  ck_assert_int_eq(errno, EOPNOTSUPP);
  ck_assert_uint_eq(open_files(), files);
}
END_TEST

static void *ask_many(void *data)
{
  unsigned long *good = data;
  for (int i = 0; i < 300; i++)
  {
    uint32_t retry;
    *good += rater_ask(path, "logins", "joe", 1, 10000, &retry) == RATER_REFUSED && retry == 9;
  }
  return 0;
}

START_TEST(threads)
{
  pthread_t t[8];
  unsigned long good[8] = {0};
  unsigned int files = open_files();

  serve(&say_once, "1 4/3 9\r\n");
  for (int i = 0; i < 8; i++) ck_assert(!pthread_create(&t[i], 0, &ask_many, &good[i]));
  for (int i = 0; i < 8; i++) pthread_join(t[i], 0);
  for (int i = 0; i < 8; i++) ck_assert_uint_eq(good[i], 300);
  ck_assert_uint_eq(open_files(), files);
}
END_TEST

static struct
{
  char const *address;
  uint64_t quantity;
  int error;
} const addresses[] = {
    {"127.0.0.1", 1, EINVAL},
    {"127.0.0.1:", 1, EINVAL},
    {"127.0.0.1:0", 1, EINVAL},
    {"127.0.0.1:65536", 1, EINVAL},
    {"127.0.0.1:1x", 1, EINVAL},
    {"localhost:1999", 1, EINVAL},
    {"::1:1999", 1, EINVAL},
    {"[::1:1999", 1, EINVAL},
    {"[]:1999", 1, EINVAL},
    {"", 1, EINVAL},
    {"127.0.0.1:1999", 2, EOPNOTSUPP},
    {"127.0.0.1:1999", 0, EOPNOTSUPP},
    {"/012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901"
     "2345678",
     1, ENAMETOOLONG},
};

START_TEST(bad_addresses)
{
  ck_assert_int_eq(rater_ask(addresses[_i].address, "logins", "joe", addresses[_i].quantity, 1000, 0),
                   RATER_UNAVAILABLE);
  ck_assert_int_eq(errno, addresses[_i].error);
}
END_TEST

START_TEST(tcp)
{
  struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof sa;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  char address[32];
  uint32_t retry = 5;

  ck_assert(!bind(fd, (struct sockaddr *)&sa, sizeof sa) && !listen(fd, 5));
  ck_assert(!getsockname(fd, (struct sockaddr *)&sa, &len));
  snprintf(address, sizeof address, "127.0.0.1:%u", ntohs(sa.sin_port));
  server = fork();
  if (!server)
    for (;;)
    {
      int client = accept(fd, 0, 0);
      say_once(client, "1 4/3\r\n");
      close(client);
    }
  close(fd);
  for (int i = 0; i < 20; i++)
    ck_assert_int_eq(rater_ask(address, "logins", "joe", 1, 5000, &retry), RATER_REFUSED);
  ck_assert_uint_eq(retry, 0);
  stop();
  ck_assert(rater_ask(address, "logins", "joe", 1, 1000, 0) == RATER_UNAVAILABLE && errno == ECONNREFUSED);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("rater_client");
  TCase *t = tcase_create("client");

  unit_in_directory(t);
  tcase_add_checked_fixture(t, 0, stop);
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, understands, 0, sizeof answers / sizeof answers[0]);
  tcase_add_test(t, no_socket);
  tcase_add_test(t, refused);
  tcase_add_test(t, silent);
  tcase_add_test(t, crowded);
  tcase_add_test(t, slow);
  tcase_add_test(t, hung_up);
  tcase_add_test(t, half_answer);
  tcase_add_test(t, endless_answer);
  tcase_add_test(t, no_descriptors);
  tcase_add_test(t, no_memory);
  tcase_add_test(t, interrupted);
  tcase_add_loop_test(t, sends, 0, sizeof lines / sizeof lines[0]);
  tcase_add_loop_test(t, writes, 0, sizeof lines / sizeof lines[0]);
  tcase_add_test(t, long_value);
  tcase_add_test(t, kept);
  tcase_add_test(t, kept_not_late);
  tcase_add_test(t, undo);
  tcase_add_test(t, threads);
  tcase_add_loop_test(t, bad_addresses, 0, sizeof addresses / sizeof addresses[0]);
  tcase_add_test(t, tcp);
  suite_add_tcase(s, t);
  return unit_run(s);
}
