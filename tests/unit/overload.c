#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/overload.h>

#include "directory.h"
#include "unit.h"

/* level, stated, maker and staleness of a flag whose heartbeat is at 1000, seen at now. */
static struct
{
  char const *text;
  uint64_t now;
  unsigned int level;
  unsigned int stated;
  overload_maker maker;
  char const *reason;
} const flags[] = {
    {"", 1000, 1, 1, OVERLOAD_HAND, ""},
    {"", 999999, 1, 1, OVERLOAD_HAND, ""},
    {"on fire\n", 999999, 1, 1, OVERLOAD_HAND, ""},
    {"level 2\n", 999999, 2, 2, OVERLOAD_HAND, ""},
    {"level 0\n", 1000, 1, 1, OVERLOAD_HAND, ""},
    {"level 3\n", 1000, 1, 1, OVERLOAD_HAND, ""},
    {"level 22222222222222222222222222222\n", 1000, 1, 1, OVERLOAD_HAND, ""},
    {"made monitor\n", 1010, 1, 1, OVERLOAD_MONITOR, ""},
    {"made monitor\n", 1011, 0, 1, OVERLOAD_MONITOR, ""},
    {"made monitor\n", 990, 1, 1, OVERLOAD_MONITOR, ""},
    {"made monitor\n", 989, 0, 1, OVERLOAD_MONITOR, ""},
    {"level 2\nmade monitor\nlifetime 60\nreason backlog 7\n", 1060, 2, 2, OVERLOAD_MONITOR, "backlog 7"},
    {"level 2\nmade monitor\nlifetime 60\nreason a\tb\n", 1061, 0, 2, OVERLOAD_MONITOR, "a?b"},
    {"made hold\n", 999999, 1, 1, OVERLOAD_HELD, ""},
    {"made hold\nuntil 2000 tomorrow\nreason disk", 1999, 1, 1, OVERLOAD_HELD, "disk"},
    {"made hold\nuntil 2000 tomorrow\nreason disk", 2000, 0, 1, OVERLOAD_HELD, "disk"},
    {"made monitors\n", 999999, 1, 1, OVERLOAD_HAND, ""},
    {"made monitor \n", 999999, 1, 1, OVERLOAD_HAND, ""},
    {"\n\n \nlevel\nreason\nuntil x\n", 1000, 1, 1, OVERLOAD_HAND, ""},
};

START_TEST(parse)
{
  overload o;
  size_t len = strlen(flags[_i].text);
  char *exact = malloc(len + 1); /* so that a read beyond the end is seen by the tools that look */

  memcpy(exact, flags[_i].text, len);
  overload_parse(&o, exact, len, 1000, flags[_i].now);
  free(exact);
  ck_assert_uint_eq(o.level, flags[_i].level);
  ck_assert_uint_eq(o.stated, flags[_i].stated);
  ck_assert_int_eq(o.maker, flags[_i].maker);
  ck_assert_int_eq(o.stale, flags[_i].level == 0);
  ck_assert_str_eq(o.reason, flags[_i].reason);
}
END_TEST

START_TEST(long_reason)
{
  char text[2000] = "reason ";
  overload o;

  memset(text + 7, 'x', sizeof text - 7);
  overload_parse(&o, text, sizeof text, 0, 0);
  ck_assert_uint_eq(strlen(o.reason), OVERLOAD_REASON);
}
END_TEST

static void put(char const *path, char const *text)
{
  int fd = open_trunc(path);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  fd_close(fd);
}

START_TEST(files)
{
  uint64_t now = (uint64_t)time(0);
  overload o;

  ck_assert_int_eq(overload_read(&o, "absent", now), 0);
  ck_assert_int_eq(o.maker, OVERLOAD_NOBODY);
  ck_assert_int_eq(symlink("flag", "link"), 0);
  ck_assert_int_eq(overload_read(&o, "link", now), 0);
  put("link", "level 2\nmade monitor\nlifetime 5\n");
  ck_assert_int_eq(overload_read(&o, "link", now), 2);
  ck_assert_int_eq(overload_read(&o, "link/under", now), 0);
  ck_assert_int_eq(overload_read(&o, "link", now + 60), 0);
  ck_assert_int_eq(o.stale, 1);
  ck_assert_int_eq(mkfifo("fifo", 0644), 0);
  ck_assert_int_eq(overload_read(&o, "fifo", now), 1);
  ck_assert_int_eq(mkdir("dir", 0755), 0);
  ck_assert_int_eq(overload_read(&o, "dir", now), 1);
  ck_assert_int_eq(symlink("loop", "loop"), 0);
  ck_assert_int_eq(overload_read(&o, "loop", now), -1);
  ck_assert_int_eq(errno, ELOOP);
}
END_TEST

/* A session: level of the flag, its variables, and the level it is refused with. */
static struct
{
  unsigned int level;
  char const *vars; /* NAME=VALUE, each with a newline */
  unsigned int refuses;
} const clients[] = {
    {0, "", 0},
    {0, "SMTPMAILFROM=\n", 0},
    {1, "SMTPMAILFROM=\n", 1},
    {1, "SMTPMAILFROM=a@b\nSMTPAUTHUSER=\n", 1},
    {1, "SMTPMAILFROM=a@b\nSMTPAUTHUSER=joe\n", 0},
    {2, "SMTPMAILFROM=a@b\nSMTPAUTHUSER=joe\n", 0},
    {2, "SMTPMAILFROM=a@b\n", 2},
    {1, "", 0},
    {1, "SMTPHELOHOST=x\n", 0},
    {2, "", 2},
    {2, "SMTPHELOHOST=x\n", 2},
    {2, "OVERLOADLOGIN=\n", 0},
    {2, "OVERLOADLOGIN=\nSMTPMAILFROM=a@b\n", 2},
    {1, "SMTPAUTHUSER=\n", 0},
    {1, "SMTPAUTHMETHOD=plain\nSMTPAUTHUSER=\n", 1},
    {1, "SMTPAUTHMETHOD=plain\nSMTPAUTHUSER=joe\n", 0},
    {1, "SMTPMAILFROM=\nRELAYCLIENT=\n", 1},
    {1, "SMTPMAILFROM=\nOVERLOADRELAY=\n", 1},
    {1, "SMTPMAILFROM=\nRELAYCLIENT=\nOVERLOADRELAY=\n", 0},
    {2, "RELAYCLIENT=\nOVERLOADRELAY=1\n", 0},
};

static char const *get(void const *data, char const *name)
{
  static char value[64];
  char const *found = strstr(data, name);
  size_t n;

  if (!found || found[strlen(name)] != '=') return 0;
  found += strlen(name) + 1;
  n = strcspn(found, "\n");
  memcpy(value, found, n);
  value[n] = 0;
  return value;
}

START_TEST(refusals)
{
  overload_client c = overload_client_of(&get, clients[_i].vars);
  char user[64];

  /* get has one buffer for all */
  if (c.user) c.user = strcpy(user, get(clients[_i].vars, "SMTPAUTHUSER"));
  ck_assert_uint_eq(overload_refuses(clients[_i].level, &c), clients[_i].refuses);
}
END_TEST

START_TEST(answers)
{
  char s[OVERLOAD_REPLY];
  char line[OVERLOAD_REPLY];

  ck_assert_uint_eq(overload_answer(s, "no-flag", 0, &get, "SMTPMAILFROM=\n"), 0);
  put("a-flag", "");
  ck_assert_uint_eq(overload_answer(s, "a-flag", 0, &get, "SMTPMAILFROM=\nOVERLOADTEXT=later\n"), 16);
  ck_assert_str_eq(s, "R451 4.3.2 later");
  ck_assert_uint_eq(overload_log(line, s, 77), 19);
  ck_assert_str_eq(line, "overload: 77 later\n");
  ck_assert_uint_eq(overload_answer(s, "a-flag", 0, &get, "SMTPHELOHOST=x\n"), 0);
  memset(s, 'x', sizeof s - 1);
  s[sizeof s - 1] = 0;
  ck_assert_uint_lt(overload_log(line, s, -1), sizeof line);
}
END_TEST

START_TEST(replies)
{
  char s[OVERLOAD_REPLY];
  char text[1000];

  ck_assert_uint_eq(overload_reply(s, 1, 0), 45);
  ck_assert_str_eq(s, "R451 4.3.2 Temporary Failure: Server overload");
  overload_reply(s, 2, "");
  ck_assert_str_eq(s, "R421 4.3.2 Temporary Failure: Server overload");
  overload_reply(s, 1, "busy\r\n250 ok");
  ck_assert_str_eq(s, "R451 4.3.2 busy??250 ok");
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = 0;
  ck_assert_uint_eq(overload_reply(s, 1, text), 509);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("overload");
  TCase *t = tcase_create("overload");

  unit_in_directory(t);
  tcase_add_loop_test(t, parse, 0, sizeof flags / sizeof flags[0]);
  tcase_add_test(t, long_reason);
  tcase_add_test(t, files);
  tcase_add_loop_test(t, refusals, 0, sizeof clients / sizeof clients[0]);
  tcase_add_test(t, answers);
  tcase_add_test(t, replies);
  suite_add_tcase(s, t);
  return unit_run(s);
}
