#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <runlib/walk.h>

#include "directory.h"
#include "unit.h"

/*
 * In a directory D of another user (daemon, as root) beside one of our own: what he may put there leads nowhere. Who is
 * not root only sees that the ordinary way works.
 */

#define ANOTHER 1

static void walk_write(char const *name, char const *text)
{
  int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);

  ck_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  close(fd);
}

static void walk_prepare(char const *name)
{
  ck_assert_int_eq(mkdir(name, 0755), 0);
  ck_assert_int_eq(chdir(name), 0);
  ck_assert_int_eq(mkdir("D", 0755), 0);
  ck_assert_int_eq(mkdir("own", 0755), 0);
  walk_write("own/secret", "secret");
  walk_write("D/his", "his");
  walk_write("D/ours", "ours");
  ck_assert_int_eq(symlink("../own/secret", "D/link"), 0);
  ck_assert_int_eq(symlink("../own", "D/way"), 0);
  ck_assert_int_eq(symlink("../own/secret", "own/link"), 0);
  ck_assert_int_eq(symlink("D", "ourway"), 0);
  ck_assert_int_eq(mkfifo("D/fifo", 0666), 0);
  ck_assert_int_eq(link("own/secret", "D/hard"), 0);
  if (!geteuid()) ck_assert(chown("D/his", ANOTHER, ANOTHER) == 0 && chown("D", ANOTHER, ANOTHER) == 0);
}

static int walk_errno(char const *name)
{
  char s[16];

  return walk_read(AT_FDCWD, name, s, sizeof s) < 0 ? errno : 0;
}

static void walk_says(char const *name, char const *text)
{
  char s[16];
  ssize_t n = walk_read(AT_FDCWD, name, s, sizeof s);

  ck_assert_int_eq(n, (ssize_t)strlen(text));
  ck_assert(!memcmp(s, text, strlen(text)));
}

START_TEST(reads)
{
  int another = !geteuid();

  walk_prepare("reads");
  walk_says("own/secret", "secret");
  walk_says("own/link", "secret");
  walk_says("D/his", "his");
  walk_says("D/ours", "ours");
  walk_says("ourway/his", "his");
  walk_says("own//../own/./secret", "secret");
  ck_assert_int_eq(walk_errno("D/link"), another ? ELOOP : 0);
  ck_assert_int_eq(walk_errno("D/way/secret"), another ? ELOOP : 0);
  ck_assert_int_eq(walk_errno("ourway/link"), another ? ELOOP : 0);
  ck_assert_int_eq(walk_errno("D/hard"), another ? EPERM : 0);
  ck_assert_int_eq(walk_errno("D/fifo"), EINVAL);
  ck_assert_int_eq(walk_errno("D"), EISDIR);
  ck_assert_int_eq(walk_errno("D/none"), ENOENT);
  ck_assert_int_eq(walk_errno("D/his/none"), ENOTDIR);
}
END_TEST

/* A file that another has put there, with a second name elsewhere, is not even shortened. */
START_TEST(writes)
{
  int fd;

  walk_prepare("writes");
  fd = walk_open(AT_FDCWD, "D/hard", O_WRONLY | O_TRUNC, 0);
  if (!geteuid())
  {
    ck_assert_int_eq(fd, -1);
    ck_assert_int_eq(errno, EPERM);
    walk_says("own/secret", "secret");
  }
  fd = walk_open(AT_FDCWD, "D/his", O_WRONLY | O_TRUNC, 0);
  ck_assert_int_ge(fd, 0);
  close(fd);
  walk_says("D/his", "");
  fd = walk_open(AT_FDCWD, "own/new", O_WRONLY | O_CREAT | O_EXCL, 0600);
  ck_assert_int_ge(fd, 0);
  close(fd);
  walk_says("own/new", "");
}
END_TEST

START_TEST(removes)
{
  int dir;

  walk_prepare("removes");
  ck_assert_int_eq(walk_remove(AT_FDCWD, "D/way"), 0);
  walk_says("own/secret", "secret");
  ck_assert_int_eq(symlink("../own", "D/way"), 0);
  if (!geteuid())
  {
    ck_assert_int_eq(walk_remove(AT_FDCWD, "D/way/secret"), -1);
    ck_assert_int_eq(errno, ELOOP);
  }
  ck_assert_int_eq(walk_remove(AT_FDCWD, "D"), 0);
  ck_assert_int_eq(walk_remove(AT_FDCWD, "D"), 0);
  walk_says("own/secret", "secret");
  dir = walk_directory(AT_FDCWD, ".");
  ck_assert_int_ge(dir, 0);
  ck_assert_int_eq(walk_remove(dir, "own"), 0);
  ck_assert_int_eq(walk_directory(dir, "own"), -1);
  close(dir);
}
END_TEST

START_TEST(loops)
{
  ck_assert_int_eq(symlink("loop", "loop"), 0);
  ck_assert_int_eq(walk_errno("loop"), ELOOP);
  ck_assert_int_eq(walk_errno("loop/x"), ELOOP);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("walk");
  TCase *t = tcase_create("walk");

  unit_in_directory(t);
  tcase_add_test(t, reads);
  tcase_add_test(t, writes);
  tcase_add_test(t, removes);
  tcase_add_test(t, loops);
  suite_add_tcase(s, t);
  return unit_run(s);
}
