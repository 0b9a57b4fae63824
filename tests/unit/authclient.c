#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <runlib/authclient.h>

#include "directory.h"
#include "unit.h"

static char const path[] = "socket";

static double seconds(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A service that takes one request to its end, compares it, writes reply, and ends. reply 0: only listens. */
static pid_t serve(char const *wanted, size_t len, char const *reply)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  pid_t pid;

  unlink(path);
  strcpy(sa.sun_path, path);
  ck_assert(bind(s, (struct sockaddr *)&sa, sizeof sa) == 0 && listen(s, 0) == 0);
  pid = fork();
  ck_assert(pid >= 0);
  if (pid)
  {
    close(s);
    return pid;
  }
  if (!reply) pause();
  char buf[1024];
  size_t got = 0;
  ssize_t r;
  int fd = accept(s, 0, 0);
  while ((r = read(fd, buf + got, sizeof buf - got)) > 0) got += (size_t)r;
  if (r < 0 || got != len || memcmp(buf, wanted, len)) _exit(9);
  if (write(fd, reply, strlen(reply)) < 0) _exit(8);
  _exit(0);
}

static struct
{
  char const *reply;
  int wanted;
} const replies[] = {
    {"0\n", AUTH_GOOD},         {"1\n", AUTH_REFUSED},
    {"111\n", AUTH_TEMPORARY},  {"2\n", AUTH_TEMPORARY},
    {"", AUTH_TEMPORARY},       {"0", AUTH_TEMPORARY},
    {"00\n", AUTH_TEMPORARY},   {"256\n", AUTH_TEMPORARY},
    {"0\n0\n", AUTH_TEMPORARY}, {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", AUTH_TEMPORARY},
};

START_TEST(answers)
{
  pid_t pid = serve("joe\0secret\0", 12, replies[_i].reply);
  int status;

  ck_assert_int_eq(auth_check(path, "joe", "secret", 5000), replies[_i].wanted);
  ck_assert(waitpid(pid, &status, 0) == pid && status == 0);
}
END_TEST

START_TEST(too_long)
{
  char p[AUTH_REQUEST_MAX + 1];

  memset(p, 'x', sizeof p);
  p[AUTH_REQUEST_MAX] = 0;
  ck_assert_int_eq(auth_check(path, "joe", p, 5000), AUTH_REFUSED);
  ck_assert_int_eq(auth_check(path, p, "x", 5000), AUTH_REFUSED);
  p[AUTH_REQUEST_MAX - 5] = 0; /* 4 + 508 bytes, and no room for the timestamp's NUL */
  ck_assert_int_eq(auth_check(path, "joe", p, 5000), AUTH_REFUSED);
  p[AUTH_REQUEST_MAX - 6] = 0;
  unlink(path);
  ck_assert_int_eq(auth_check(path, "joe", p, 5000), AUTH_TEMPORARY);
  ck_assert_int_eq(errno, ENOENT);
  ck_assert_int_eq(auth_check(path, "", "x", 5000), AUTH_REFUSED);
  ck_assert_int_eq(auth_check(path, "joe", "", 5000), AUTH_REFUSED);
}
END_TEST

/* Nobody accepts: the first requests wait for an answer, later ones for a place in the backlog. */
START_TEST(stalled)
{
  pid_t pid = serve(0, 0, 0);
  int fds[4];
  double start;

  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  strcpy(sa.sun_path, path);
  for (int i = 0; i < 4; i++)
  {
    start = seconds();
    ck_assert_int_eq(auth_check(path, "joe", "secret", 100), AUTH_TEMPORARY);
    ck_assert_int_eq(errno, ETIMEDOUT);
    ck_assert(seconds() - start > 0.09 && seconds() - start < 2);
    fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(fds[i], (struct sockaddr *)&sa, sizeof sa) < 0) ck_assert_int_eq(errno, EAGAIN);
  }
  kill(pid, SIGKILL);
  waitpid(pid, 0, 0);
  ck_assert_int_eq(auth_check(path, "joe", "secret", 100), AUTH_TEMPORARY);
}
END_TEST

static int run(char const *script, char const *user, char const *password, unsigned int ms)
{
  char const *argv[] = {"sh", "-c", script, 0};
  return auth_run(argv, user, password, ms);
}

START_TEST(programs)
{
  ck_assert_int_eq(run("test \"$(od -An -tx1 <&3)\" = ' 6a 6f 65 00 78 00 00'", "joe", "x", 5000), AUTH_GOOD);
  ck_assert_int_eq(run("exit 1", "joe", "x", 5000), AUTH_REFUSED);
  ck_assert_int_eq(run("exit 2", "joe", "x", 5000), AUTH_TEMPORARY);
  ck_assert_int_eq(run("exit 111", "joe", "x", 5000), AUTH_TEMPORARY);
  ck_assert_int_eq(run("kill -9 $$", "joe", "x", 5000), AUTH_TEMPORARY);
  ck_assert_int_eq(run("read x || exit 0", "joe", "x", 5000), AUTH_GOOD);
  ck_assert_int_eq(run("exit 0", "", "x", 5000), AUTH_REFUSED);
  char const *none[] = {"/nonexistent", 0};
  ck_assert_int_eq(auth_run(none, "joe", "x", 5000), AUTH_TEMPORARY);
}
END_TEST

/* With only some of the low descriptors open, and SIGPIPE ignored by us but not by the program. */
START_TEST(descriptors)
{
  ck_assert(close_range(4, ~0u, CLOSE_RANGE_CLOEXEC) == 0); /* whatever the tests were started with */
  signal(SIGPIPE, SIG_IGN);
  close(3);
  ck_assert_int_eq(run("read x <&3; test ${#x} -gt 0", "joe", "x", 5000), AUTH_GOOD);
  close(0);
  ck_assert_int_eq(run("read x <&3; test ${#x} -gt 0 && ! read y", "joe", "x", 5000), AUTH_GOOD);
  ck_assert_int_eq(run("kill -PIPE $$; exit 0", "joe", "x", 5000), AUTH_TEMPORARY);
  ck_assert_int_eq(
      run("for i in 4 5 6 7 8 9; do test ! -e /proc/self/fd/$i || exit 1; done", "joe", "x", 5000),
      AUTH_GOOD);
}
END_TEST

START_TEST(late_program)
{
  double start = seconds();

  ck_assert_int_eq(run("sleep 100 & sleep 100", "joe", "x", 100), AUTH_TEMPORARY);
  ck_assert_int_eq(errno, ETIMEDOUT);
  ck_assert(seconds() - start < 5);
  ck_assert(waitpid(-1, 0, WNOHANG) == -1 && errno == ECHILD);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("authclient");
  TCase *t = tcase_create("authclient");

  unit_in_directory(t);
  tcase_add_loop_test(t, answers, 0, sizeof replies / sizeof replies[0]);
  tcase_add_test(t, too_long);
  tcase_add_test(t, stalled);
  tcase_add_test(t, programs);
  tcase_add_test(t, descriptors);
  tcase_add_test(t, late_program);
  suite_add_tcase(s, t);
  return unit_run(s);
}
