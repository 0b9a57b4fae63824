#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/landlock.h>
#include <signal.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <runlib/confine.h>

#include "unit.h"

/* What a confined process tries, in a child of the test: each returns 0 if it could, else errno. */

#if UNIT_OWN_MALLOC && !defined(SANITIZED)
static int can(int failed)
{
  return failed < 0 ? errno : 0;
}

static int try_open(void)
{
  return can(open("/etc/passwd", O_RDONLY));
}
static int try_socketpair(void)
{
  int p[2];
  return can(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
}
static int try_unix(void)
{
  return can(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int try_inet(void)
{
  return can(socket(AF_INET, SOCK_STREAM, 0));
}
static int try_packet(void)
{
  return can(socket(AF_VSOCK, SOCK_STREAM, 0));
}
static int try_interfaces(void)
{
  struct ifaddrs *list;
  return can(getifaddrs(&list));
}
static int try_fork(void)
{
  pid_t pid = fork();
  if (!pid) _exit(0);
  return can(pid);
}
static int try_exec(void)
{
  return can(execl("/bin/true", "true", (char *)0));
}
static int try_kill(void)
{
  return can(kill(getppid(), 0));
}
static int try_kill_self(void)
{
  return can(raise(SIGURG));
}
static int try_linger(void)
{
  struct linger l = {.l_onoff = 1, .l_linger = 1000};
  int e;

  if (setsockopt(2, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int)) < 0 && errno == EPERM) return EIO;
  e = setsockopt(2, SOL_SOCKET, SO_LINGER, &l, sizeof l) < 0 ? errno : 0;
  return e == ENOTSOCK ? 0 : e;
}
static int try_owner(void)
{
  return can(fcntl(0, F_SETOWN, getppid()));
}
/* However a descriptor, a timer or another process's pid can be made to send a signal */
static int try_owner_of_group(void)
{
  struct f_owner_ex owner = {.type = F_OWNER_PID, .pid = getppid()};
  return can(fcntl(0, F_SETOWN_EX, &owner));
}
static int try_signal_number(void)
{
  return can(fcntl(0, F_SETSIG, SIGKILL));
}
static int try_lease(void)
{
  return can(fcntl(0, F_SETLEASE, F_UNLCK));
}
static int try_notify(void)
{
  return can(fcntl(0, F_NOTIFY, DN_CREATE));
}
static int try_owner_by_ioctl(void)
{
  pid_t pid = getppid();
  return can(ioctl(0, FIOSETOWN, &pid));
}
static int try_owner_of_socket(void)
{
  pid_t pid = getppid();
  return can(ioctl(0, SIOCSPGRP, &pid));
}
static int try_thread(void)
{
  return can((int)syscall(SYS_tgkill, getppid(), getppid(), 0));
}
static int try_queue(void)
{
  siginfo_t info = {.si_code = SI_QUEUE};
  return can((int)syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
}
static int try_pidfd(void)
{
  return can((int)syscall(SYS_pidfd_open, getppid(), 0));
}
static int try_timer(void)
{
  timer_t t;
  struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
  return can((int)syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &t));
}
static int try_accept(void)
{
  return accept4(-1, 0, 0, 0) < 0 && errno == EBADF ? 0 : errno;
}
static int try_bind(void)
{
  return bind(-1, 0, 0) < 0 && errno == EBADF ? 0 : errno;
}
static int try_flags(void)
{
  return can(fcntl(0, F_GETFL));
}
static int try_executable(void)
{
  return mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}
static int try_memory(void)
{
  return mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}
static int try_trace(void)
{
  return can((int)ptrace(PTRACE_ATTACH, getppid(), 0, 0));
}
static int try_dumpable(void)
{
  return can(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}
static int try_list(void)
{
  int fd = open(".", O_RDONLY | O_DIRECTORY);
  char buf[1024];
  return fd < 0 ? errno : can((int)getdents64(fd, buf, sizeof buf));
}
static int try_setuid(void)
{
  return can(setuid(getuid()));
}

static struct
{
  char const *name;
  int (*try)(void);
  unsigned int groups; /* one of these lets it */
} const calls[] = {
    {"open a file", try_open, CONFINE_FILES},
    {"list a directory", try_list, CONFINE_ENTRIES},
    {"make a socketpair", try_socketpair, CONFINE_UNIX | CONFINE_PAIR},
    {"accept", try_accept, CONFINE_SERVE | CONFINE_ACCEPT},
    {"bind", try_bind, CONFINE_SERVE | CONFINE_UNIX},
    {"make a unix socket", try_unix, CONFINE_UNIX},
    {"list the interfaces", try_interfaces, CONFINE_UNIX},
    {"make a socket of the internet", try_inet, CONFINE_INET},
    {"make a socket of another kind", try_packet, 0},
    {"fork", try_fork, 0},
    {"exec", try_exec, 0},
    {"send a signal", try_kill, 0},
    {"send itself a signal", try_kill_self, 0},
    {"make a socket linger", try_linger, 0},
    {"send a signal by a descriptor", try_owner, 0},
    {"send one by a descriptor to a group", try_owner_of_group, 0},
    {"choose a descriptor's signal", try_signal_number, 0},
    {"take a lease", try_lease, 0},
    {"be told of a directory", try_notify, 0},
    {"send a signal by ioctl", try_owner_by_ioctl, 0},
    {"send one by a socket", try_owner_of_socket, 0},
    {"send one to a thread", try_thread, 0},
    {"queue one", try_queue, 0},
    {"open a process", try_pidfd, 0},
    {"have a timer send one", try_timer, 0},
    {"trace", try_trace, 0},
    {"be dumpable again", try_dumpable, 0},
    {"make memory executable", try_executable, 0},
    {"become a user", try_setuid, 0},
    {"get memory", try_memory, ~0U},
    {"read a descriptor's flags", try_flags, ~0U},
};
#define CALLS (sizeof calls / sizeof calls[0])

/* Runs f in a child that is confined by enter. Returns its errno. */
static int in_child(void (*enter)(void const *), void const *data, int (*f)(void))
{
  pid_t pid = fork();
  int wstat;

  if (!pid)
  {
    enter(data);
    _exit(f());
  }
  ck_assert_int_eq(waitpid(pid, &wstat, 0), pid);
  ck_assert_msg(WIFEXITED(wstat), "it was killed by signal %d", WTERMSIG(wstat));
  return WEXITSTATUS(wstat);
}

static void enter_calls(void const *data)
{
  if (confine_self() < 0 || confine_calls_enter(data) < 0) _exit(255);
}

static unsigned int const sets[] = {
    0,
    CONFINE_FILES,
    CONFINE_FILES | CONFINE_ENTRIES,
    CONFINE_UNIX,
    CONFINE_INET,
    CONFINE_SERVE,
    CONFINE_ACCEPT | CONFINE_PAIR, /* tlsd's workers */
    CONFINE_FILES | CONFINE_ENTRIES | CONFINE_UNIX | CONFINE_INET | CONFINE_SERVE,
};

START_TEST(system_calls)
{
  confine_calls c;
  unsigned int groups = sets[_i];

  confine_calls_make(&c, groups);
  ck_assert_uint_le(c.n, CONFINE_CODE);
  for (size_t i = 0; i < CALLS; i++)
  {
    int e = in_child(enter_calls, &c, calls[i].try);
    int may = (calls[i].groups & groups) || calls[i].groups == ~0U;
    if (calls[i].try == try_list && !(groups & CONFINE_FILES)) may = 0;
    ck_assert_msg(e == (may ? 0 : EPERM), "groups %u: %s: %s", groups, calls[i].name, strerror(e));
  }
}
END_TEST

/* --- paths --------------------------------------------------------------------------------------- */

static char top[64];

static void make_tree(void)
{
  strcpy(top, "/tmp/mailctl-confine.XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(top));
  ck_assert_int_eq(chdir(top), 0);
  ck_assert_int_eq(mkdir("read", 0755) | mkdir("tmp", 0755) | mkdir("todo", 0755) | mkdir("secret", 0755), 0);
  ck_assert_int_ge(open("read/a", O_CREAT | O_WRONLY, 0644), 0);
  ck_assert_int_ge(open("todo/a", O_CREAT | O_WRONLY, 0644), 0);
  ck_assert_int_ge(open("secret/a", O_CREAT | O_WRONLY, 0644), 0);
}

static void remove_tree(void)
{
  char command[128];

  snprintf(command, sizeof command, "rm -rf %s", top);
  ck_assert_int_eq(system(command), 0);
}

static int try_read_allowed(void)
{
  return can(open("read/a", O_RDONLY));
}
static int try_write_read_only(void)
{
  return can(open("read/a", O_WRONLY));
}
static int try_truncate(void)
{
  return can(open("read/a", O_RDONLY | O_TRUNC));
}
static int try_make_read_only(void)
{
  return can(open("read/b", O_WRONLY | O_CREAT, 0644));
}
static int try_secret(void)
{
  return can(open("secret/a", O_RDONLY));
}
static int try_passwd(void)
{
  return can(open("/etc/passwd", O_RDONLY));
}
static int try_list_read(void)
{
  return can(open("read", O_RDONLY | O_DIRECTORY));
}
static int try_make(void)
{
  return can(open("tmp/b", O_WRONLY | O_CREAT | O_EXCL, 0644));
}
static int try_move(void)
{
  int e = try_make();
  return e ? e : can(rename("tmp/b", "todo/b"));
}
static int try_move_out(void)
{
  return can(rename("todo/a", "secret/b"));
}
static int try_read_queued(void)
{
  return can(open("todo/a", O_RDONLY));
}
static int try_write_queued(void)
{
  return can(open("todo/a", O_WRONLY));
}
static int try_remove_queued(void)
{
  return can(unlink("todo/a"));
}
static int try_signal(void)
{
  return can(kill(getppid(), 0));
}

static struct
{
  char const *name;
  int (*try)(void);
  int wanted;
  long abi; /* of Landlock, from which on */
} const paths[] = {
    {"read below a path", try_read_allowed, 0, 0},
    {"write there", try_write_read_only, EACCES, 0},
    {"truncate there", try_truncate, EACCES, 3},
    {"make a file there", try_make_read_only, EACCES, 0},
    {"list it", try_list_read, EACCES, 0},
    {"read elsewhere", try_secret, EACCES, 0},
    {"read /etc/passwd", try_passwd, EACCES, 0},
    {"move a new file from one to the other", try_move, 0, 0},
    {"move a file out", try_move_out, EACCES, 0},
    {"read a file that was moved", try_read_queued, EACCES, 0},
    {"write it", try_write_queued, EACCES, 0},
    {"remove it", try_remove_queued, EACCES, 0},
    {"signal a process outside", try_signal, EPERM, 6},
};

static void enter_paths(void const *data)
{
  if (confine_self() < 0 || confine_paths_enter(*(int const *)data) < 0) _exit(255);
}

START_TEST(file_system)
{
  int set;

  make_tree();
  set = confine_paths();
  if (set < 0)
  {
    ck_assert_int_eq(errno, EOPNOTSUPP);
    remove_tree();
    return;
  }
  ck_assert_int_eq(confine_paths_add(set, "read", CONFINE_READ), 0);
  ck_assert_int_eq(
      confine_paths_add(set, "tmp", CONFINE_WRITE | CONFINE_MAKE | CONFINE_REMOVE | CONFINE_MOVE), 0);
  ck_assert_int_eq(confine_paths_add(set, "todo", CONFINE_MAKE | CONFINE_MOVE), 0);
  ck_assert_int_eq(confine_paths_add(set, "none", CONFINE_READ), -1);
  ck_assert_int_eq(errno, ENOENT);
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
  {
    if (syscall(SYS_landlock_create_ruleset, 0, 0, LANDLOCK_CREATE_RULESET_VERSION) < paths[i].abi) continue;
    int e = in_child(enter_paths, &set, paths[i].try);
    ck_assert_msg(e == paths[i].wanted, "%s: %s", paths[i].name, strerror(e));
  }
  remove_tree();
}
END_TEST

static int forks_no_more(void)
{
  if (!getuid() && setuid(65534) < 0) return errno;
  return try_fork();
}

static void enter_resources(void const *data)
{
  (void)data;
  if (confine_resources(1 << 20, 32, 0) < 0) _exit(255);
}

static int open_many(void)
{
  for (int i = 0; i < 40; i++)
    if (dup(2) < 0) return errno;
  return 0;
}

static int much_memory(void)
{
  return mmap(0, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno
                                                                                                     : 0;
}

static void enter_growth(void const *data)
{
  (void)data;
  if (confine_growth(4096) < 0) _exit(255);
}

static int write_much(void)
{
  FILE *f = tmpfile();
  return f && pwrite(fileno(f), "x", 1, 4095) == 1 && pwrite(fileno(f), "x", 1, 4096) < 0 ? errno : 0;
}

START_TEST(resources)
{
  ck_assert_int_eq(in_child(enter_growth, 0, write_much), EFBIG);
  ck_assert_int_eq(in_child(enter_resources, 0, forks_no_more), EAGAIN);
  ck_assert_int_eq(in_child(enter_resources, 0, open_many), EMFILE);
  ck_assert_int_eq(in_child(enter_resources, 0, much_memory), ENOMEM);
}
END_TEST
#endif

int main(void)
{
  Suite *s = suite_create("confine");
  TCase *t = tcase_create("confine");

#if UNIT_OWN_MALLOC && !defined(SANITIZED)
  tcase_add_loop_test(t, system_calls, 0, sizeof sets / sizeof sets[0]);
  tcase_add_test(t, file_system);
  tcase_add_test(t, resources);
#endif
  suite_add_tcase(s, t);
  return unit_run(s);
}
