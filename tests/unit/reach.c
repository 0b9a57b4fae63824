#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctl/machine/port.h>
#include <ctl/machine/reach.h>

#include "directory.h"
#include "unit.h"

/* --- ports ----------------------------------------------------------------------------------------- */

/* An address of this process alone, with a port that the kernel chose. Returns the listening socket. */
static int listen_somewhere(address *a)
{
  struct sockaddr_in in = {.sin_family = AF_INET};
  socklen_t len = sizeof in;
  int fd = socket(AF_INET, SOCK_STREAM, 0);

  in.sin_addr.s_addr = htonl(0x7f000001u + ((uint32_t)getpid() & 0xffff) * 256);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
  ck_assert_int_eq(listen(fd, 1), 0);
  ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
  memset(a, 0, sizeof *a);
  a->family = 4;
  memcpy(a->ip, &in.sin_addr, 4);
  a->port = ntohs(in.sin_port);
  return fd;
}

START_TEST(taken_and_free)
{
  address a;
  address any;
  pid_t pid = -1;
  int hidden;
  int fd = listen_somewhere(&a);

  ck_assert_int_eq(port_try(&a), EADDRINUSE);
  ck_assert_int_eq(port_owner(&a, &hidden), getpid());
  ck_assert_int_eq(port_taken(&a, &pid), EADDRINUSE);
  ck_assert_int_eq(pid, getpid());
  any = a;
  any.family = 0;
  ck_assert_int_eq(port_try(&any), EADDRINUSE);
  ck_assert_int_eq(port_owner(&any, &hidden), getpid());
  close(fd);
  ck_assert_int_eq(port_try(&a), 0);
  ck_assert_int_eq(port_owner(&a, &hidden), 0);
}
END_TEST

/* A listening socket that no process has, as that of one that was killed a moment ago: it is on its way through a pair. */
static int hiding[2] = {-1, -1};
static unsigned int looks; /* at /proc that it outlasts */

static void hide(int fd)
{
  char byte = 0;
  struct iovec v = {.iov_base = &byte, .iov_len = 1};
  union
  {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof fd)];
  } u = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)}};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = u.room, .msg_controllen = sizeof u.room};

  memcpy(CMSG_DATA(&u.header), &fd, sizeof fd);
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, hiding), 0);
  ck_assert_int_eq(sendmsg(hiding[0], &m, 0), 1);
  close(fd);
}

static void unhide(void)
{
  close(hiding[0]);
  close(hiding[1]);
}

DIR *opendir(char const *name)
{
  int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (!strcmp(name, "/proc") && looks && !--looks) unhide();
  return fd < 0 ? 0 : fdopendir(fd);
}

/* In use by nobody: it was not worth a word. */
START_TEST(taken_by_the_dying)
{
  address a;
  pid_t pid = -1;
  int hidden;

  hide(listen_somewhere(&a));
  ck_assert_int_eq(port_try(&a), EADDRINUSE);
  ck_assert_int_eq(port_owner(&a, &hidden), 0);
  looks = 3;
  ck_assert_int_eq(port_taken(&a, &pid), 0);
  ck_assert_uint_eq(looks, 0);
}
END_TEST

START_TEST(taken_by_the_unseen)
{
  address a;
  pid_t pid = -1;

  hide(listen_somewhere(&a));
  ck_assert_int_eq(port_taken(&a, &pid), EADDRINUSE);
  ck_assert_int_eq(pid, 0);
  unhide();
}
END_TEST

START_TEST(not_here)
{
  address a = ADDRESS_ZERO;

  ck_assert_ptr_null(address_scan("192.0.2.1:2525", &a)); /* TEST-NET-1: nobody has it */
  ck_assert_int_eq(port_try(&a), EADDRNOTAVAIL);
}
END_TEST

/* s6-supervise is recognised by its working directory, its daemon by s6-supervise above it. */
START_TEST(below)
{
  pid_t child;
  int hold[2];
  int wstat;

  ck_assert_int_eq(mkdir("service", 0755), 0);
  ck_assert_int_eq(chdir("service"), 0);
  ck_assert_int_eq(pipe(hold), 0);
  child = fork();
  if (!child)
  {
    char c;
    close(hold[1]);
    _exit(chdir("/") < 0 || read(hold[0], &c, 1) != 0);
  }
  ck_assert(port_below(getpid(), unit_directory));
  ck_assert(port_below(child, unit_directory));
  ck_assert(!port_below(getpid(), "/nothing/there"));
  ck_assert_int_eq(chdir(".."), 0);
  ck_assert(!port_below(getpid(), unit_directory)); /* in it is not below it */
  close(hold[1]);
  ck_assert_int_eq(waitpid(child, &wstat, 0), child);
  ck_assert_int_eq(rmdir("service"), 0);
}
END_TEST

/* --- reach ----------------------------------------------------------------------------------------- */

/* Who must be refused: nobody where we are root, ourselves otherwise. */
static who const *stranger(who *w)
{
  if (geteuid()) return 0;
  ck_assert_int_eq(who_find(w, "nobody"), 0);
  return w;
}

START_TEST(shut_directory)
{
  char culprit[PATH_MAX];
  char wanted[PATH_MAX];
  char path[PATH_MAX];
  who w;
  who const *s = stranger(&w);

  ck_assert_int_eq(mkdir("a", 0755), 0);
  ck_assert_int_eq(mkdir("a/b", 0755), 0);
  snprintf(path, sizeof path, "%s/a/b", unit_directory);
  ck_assert_int_eq(reach_try(s, path, X_OK, culprit), 0);
  ck_assert_int_eq(chmod("a", 0600), 0);
  ck_assert_int_eq(reach_try(s, path, F_OK, culprit), EACCES);
  snprintf(wanted, sizeof wanted, "%s/a", unit_directory);
  ck_assert_str_eq(culprit, wanted);
  ck_assert_int_eq(chmod("a", 0755), 0);
  ck_assert_int_eq(chmod("a/b", 0600), 0);
  ck_assert_int_eq(reach_try(s, path, X_OK, culprit), EACCES);
  ck_assert_str_eq(culprit, path);
  ck_assert_int_eq(geteuid(), getuid());
  ck_assert_int_eq(rmdir("a/b"), 0);
  ck_assert_int_eq(rmdir("a"), 0);
}
END_TEST

START_TEST(behind_a_link)
{
  char culprit[PATH_MAX];
  char wanted[PATH_MAX];
  char path[PATH_MAX];
  who w;
  who const *s = stranger(&w);

  ck_assert_int_eq(mkdir("shut", 0755), 0);
  ck_assert_int_eq(mkdir("shut/in", 0755), 0);
  ck_assert_int_eq(symlink("shut/in", "link"), 0);
  ck_assert_int_eq(chmod("shut", 0600), 0);
  snprintf(path, sizeof path, "%s/link", unit_directory);
  ck_assert_int_eq(reach_try(s, path, X_OK, culprit), EACCES);
  if (s)
  {
    snprintf(wanted, sizeof wanted, "%s/shut", unit_directory);
    ck_assert_str_eq(culprit, wanted);
    snprintf(path, sizeof path, "%s/shut/not/there", unit_directory);
    ck_assert_int_eq(reach_try(s, path, R_OK, culprit), EACCES);
    ck_assert_str_eq(culprit, wanted);
    snprintf(path, sizeof path, "%s/link", unit_directory);
  }
  ck_assert_int_eq(chmod("shut", 0755), 0);
  ck_assert_int_eq(reach_try(s, path, X_OK, culprit), 0);
  ck_assert_int_eq(unlink("link"), 0);
  ck_assert_int_eq(rmdir("shut/in"), 0);
  ck_assert_int_eq(rmdir("shut"), 0);
}
END_TEST

/* chmod is told for the class of users that counts: only for those who are in no other is it o+. */
START_TEST(what_to_type)
{
  char text[REACH_MEND];
  char path[PATH_MAX];
  char wanted[REACH_MEND];
  who w = {.uid = 12345, .gid = 12346, .groups = {12346, 12347}, .count = 2};
  static struct
  {
    uid_t uid;
    gid_t gid;
    mode_t directory;
    int mode;
    char const *bits;
  } const row[] = {{0, 0, 0, R_OK, "o+r"},         {0, 0, 0, X_OK, "o+x"},     {0, 0, 0, R_OK | X_OK, "o+rx"},
                   {0, 0, 1, R_OK, "o+x"},         {12345, 0, 0, R_OK, "u+r"}, {0, 12347, 0, R_OK, "g+r"},
                   {12345, 12347, 1, R_OK, "u+x"}, {0, 12346, 1, F_OK, "g+x"}};

  if (geteuid()) return;
  for (unsigned int i = 0; i < sizeof row / sizeof row[0]; i++)
  {
    snprintf(path, sizeof path, "%s/%u", unit_directory, i);
    ck_assert_int_eq(row[i].directory ? mkdir(path, 0) : mknod(path, S_IFREG, 0), 0);
    ck_assert_int_eq(chown(path, row[i].uid, row[i].gid), 0);
    reach_mend(&w, path, row[i].mode, text);
    snprintf(wanted, sizeof wanted, "chmod %s %s", row[i].bits, path);
    ck_assert_str_eq(text, wanted); /* no group 12346: nothing about chgrp */
    ck_assert_int_eq(remove(path), 0);
  }
}
END_TEST

START_TEST(missing)
{
  char culprit[PATH_MAX];
  who w;

  ck_assert_int_eq(reach_try(stranger(&w), "/nothing/there", X_OK, culprit), ENOENT);
  ck_assert_int_eq(who_find(&w, "there-is-no-such-user"), -1);
  ck_assert_int_eq(errno, ENOENT);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("reach");
  TCase *t = tcase_create("reach");

  unit_in_directory(t);
  tcase_add_test(t, taken_and_free);
  tcase_add_test(t, taken_by_the_dying);
  tcase_add_test(t, taken_by_the_unseen);
  tcase_add_test(t, not_here);
  tcase_add_test(t, below);
  tcase_add_test(t, shut_directory);
  tcase_add_test(t, behind_a_link);
  tcase_add_test(t, what_to_type);
  tcase_add_test(t, missing);
  suite_add_tcase(s, t);
  return unit_run(s);
}
