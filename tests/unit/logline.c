#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <services/imap/logline.h>

#include "unit.h"

typedef struct said_s said;
struct said_s
{
  char const *line;
  unsigned int logins;
  unsigned int failures;
  int pid;
  char const *ip;
};

static said const lines[] = {
    {"imap-login: Info: Login: user=<ann>, method=PLAIN, rip=192.0.2.1, lip=10.0.0.1, mpid=123, TLS, "
     "session=<x>",
     1, 0, 123, "192.0.2.1"},
    {"Nov 28 15:00:00 pop3-login: Info: Logged in: user=<ann>, method=PLAIN, rip=2001:db8::1, lip=::1, "
     "mpid=9",
     1, 0, 9, "2001:db8::1"},
    {"imap-login: Info: Disconnected (auth failed, 3 attempts in 2 secs): user=<ann>, method=PLAIN, "
     "rip=192.0.2.1, lip=x",
     0, 3, 0, "192.0.2.1"},
    {"imap-login: Info: Aborted login (auth failed, 1 attempts in 2 secs): user=<a, rip=8.8.8.8, lip>, "
     "rip=192.0.2.1",
     0, 1, 0, "192.0.2.1"},
    {"imap-login: Info: Disconnected (no auth attempts in 0 secs): user=<>, rip=192.0.2.1, lip=10.0.0.1", 0,
     0, 0, ""},
    {"imap-login: Info: Disconnected (no auth attempts): user=<(auth failed, 9 attempts>, rip=192.0.2.1", 0,
     0, 0, ""},
    {"imap(ann)<12><x-login: Info: Login: user=<>: Info: Disconnected", 0, 0, 0, ""},
    {"auth: Info: passwd-file(x-login: Login: user=<a>,192.0.2.1): unknown user", 0, 0, 0, ""},
    {"", 0, 0, 0, ""},
    {"imap-login: ", 0, 0, 0, ""},
    {"imap-login: Info: Login: user=<ann>, rip=, mpid=", 1, 0, 0, ""},
};

START_TEST(reads)
{
  said const *x = lines + _i;
  logline l;

  ck_assert_int_eq(logline_read(&l, x->line, strlen(x->line)), x->logins || x->failures);
  ck_assert_uint_eq(l.logins, x->logins);
  ck_assert_uint_eq(l.failures, x->failures);
  ck_assert_int_eq(l.pid, x->pid);
  ck_assert_str_eq(l.ip, x->ip);
}
END_TEST

int main(void)
{
  TCase *t = tcase_create("logline");
  Suite *s = suite_create("logline");

  tcase_add_loop_test(t, reads, 0, sizeof lines / sizeof *lines);
  suite_add_tcase(s, t);
  return unit_run(s);
}
