#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <runlib/intake.h>

#include <services/spool/deliver.h>
#include <services/spool/maildir.h>
#include <services/spool/watch.h>

#include "directory.h"
#include "unit.h"

/* A running spool-deliver that finds no descriptor, once. */

char const *PROG = "spool-lack";

static unsigned int until; /* 1: the next descriptor is not to be had; 0: all are */

static int lacks(void)
{
  if (!until || --until) return 0;
  errno = EMFILE;
  return 1;
}

int openat(int at, char const *name, int flags, ...)
{
  mode_t mode = 0;

  if (flags & O_CREAT)
  {
    va_list args;
    va_start(args, flags);
    mode = va_arg(args, mode_t);
    va_end(args);
  }
  return lacks() ? -1 : (int)syscall(SYS_openat, at, name, flags, mode);
}

int inotify_init1(int flags)
{
  return lacks() ? -1 : (int)syscall(SYS_inotify_init1, flags);
}

static int directory(char const *path)
{
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ck_assert_int_ge(fd, 0);
  return fd;
}

static size_t count(char const *pattern)
{
  glob_t g;
  size_t n = glob(pattern, 0, 0, &g) ? 0 : g.gl_pathc;

  globfree(&g);
  return n;
}

/* How many lines the log has. */
static unsigned int lines(void)
{
  unsigned int n = 0;
  char c;

  for (off_t i = 0; pread(2, &c, 1, i) == 1; i++) n += c == '\n';
  return n;
}

/* --- deliveries ---------------------------------------------------------------------------------- */

static spool s = {
    .path = "queue", .mailpath = "mail", .host = "host.test", .batch = DELIVER_BATCH, .map = MAPPING_ZERO};

static void start(void)
{
  static char const *const directories[] = {"queue", "queue/todo", "queue/tmp", "queue/failed", "mail"};
  int fd = open("log", O_RDWR | O_CREAT | O_TRUNC, 0600);

  ck_assert(fd >= 0 && dup2(fd, 2) == 2);
  close(fd);
  rm_rf("queue");
  rm_rf("mail");
  for (unsigned int i = 0; i < sizeof directories / sizeof *directories; i++)
    ck_assert(!mkdir(directories[i], 0700));
  ck_assert(!maildir_make("mail/postmaster") && !maildir_make("mail/joe"));
  s.todo = directory("queue/todo");
  s.tmp = directory("queue/tmp");
  s.failed = directory("queue/failed");
  s.mail = directory("mail");
  ck_assert_int_eq(mapping_add_domains(&s.map, "b\n", 2), 0);
}

static void stop(void)
{
  until = 0;
  mapping_free(&s.map);
  close(s.todo);
  close(s.tmp);
  close(s.failed);
  close(s.mail);
}

static void queue_one(void)
{
  static char const envelope[] = "Fa@b\0Tjoe@b\0Tpostmaster@b\0";
  static intake q;

  ck_assert(!intake_open(&q, "queue") && !intake_put(&q, "Subject: x\n\nx\n", 14));
  ck_assert_int_eq(intake_finish(&q, envelope, sizeof envelope), 0);
}

/* Delivers what is in todo/, once. */
static outcome deliver(void)
{
  outcome o = {.gone = 0, .deferred = 0};
  char const *names[DELIVER_BATCH];
  unsigned int n = 0;
  glob_t g;

  if (glob("queue/todo/*", 0, 0, &g)) return o;
  for (; n < g.gl_pathc; n++) names[n] = strrchr(g.gl_pathv[n], '/') + 1;
  for (unsigned int done = 0; done < n;) done += deliver_batch(&s, names + done, n - done, &o);
  globfree(&g);
  return o;
}

/* How many descriptors are open. */
static size_t open_now(void)
{
  return count("/proc/self/fd/*");
}

/* Two messages, each for two, while the nth descriptor is lacking. Returns whether it was asked for. */
static int deliver_without(unsigned int nth)
{
  size_t before = open_now();
  outcome o;

  queue_one();
  queue_one();
  until = nth;
  o = deliver();
  nth = until;
  until = 0;
  ck_assert_uint_eq(o.gone + o.deferred, 2);
  ck_assert_uint_eq(count("queue/todo/*"), o.deferred);
  ck_assert_uint_eq(deliver().deferred, 0);
  ck_assert_uint_eq(count("queue/todo/*") + count("queue/failed/*") + count("mail/*/tmp/*"), 0);
  ck_assert_uint_eq(open_now(), before);
  return !nth;
}

/* Whichever it is: the message waits, and with the next look it is there, once. */
START_TEST(every_descriptor)
{
  unsigned int nth = 1;

  while (deliver_without(nth))
  {
    ck_assert_uint_eq(count("mail/joe/new/*"), 2 * nth);
    ck_assert_uint_eq(count("mail/postmaster/new/*"), 2 * nth);
    nth++;
  }
  ck_assert_uint_gt(nth, 10);
}
END_TEST

/* The files that wait to be synced may be what holds them: those are let go, and nothing waits. 1 to 4 come before. */
START_TEST(held_by_the_batch)
{
  queue_one();
  queue_one();
  until = (unsigned int)_i;
  ck_assert_uint_eq(deliver().deferred, 0);
  ck_assert_uint_eq(until, 0);
  ck_assert_uint_eq(count("mail/*/new/*"), 4);
}
END_TEST

/* --- the watch ----------------------------------------------------------------------------------- */

static int wakes(watch const *w)
{
  struct pollfd p = {.fd = w->fd, .events = POLLIN};
  return poll(&p, 1, 0) == 1;
}

START_TEST(no_inotify)
{
  watch w = WATCH_ZERO;

  until = 1;
  watch_turn(&w, s.todo, s.path);
  ck_assert(w.fd == -1 && w.told);
  ck_assert_uint_eq(watch_pause(&w, 60000), 1000);
  ck_assert_uint_eq(watch_pause(&w, 10), 10);
  watch_turn(&w, s.todo, s.path);
  ck_assert(w.fd >= 0 && !w.told);
  ck_assert_uint_eq(watch_pause(&w, 60000), 60000);
  ck_assert(!wakes(&w));
  queue_one();
  ck_assert(wakes(&w));
  watch_turn(&w, s.todo, s.path);
  ck_assert(!wakes(&w));
  close(w.fd);
}
END_TEST

/* A lack that lasts is said once, and holds no descriptor. */
START_TEST(no_directory_to_watch)
{
  watch w = WATCH_ZERO;
  size_t before = open_now();

  for (unsigned int i = 0; i < 2; i++)
  {
    watch_turn(&w, -1, s.path);
    ck_assert(w.fd == -1 && w.told);
    ck_assert_uint_eq(open_now(), before);
    ck_assert_uint_eq(lines(), 1);
  }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("spool-lack");
  TCase *t = tcase_create("spool-lack");

  unit_in_directory(t);
  tcase_add_checked_fixture(t, start, stop);
  tcase_add_test(t, every_descriptor);
  tcase_add_loop_test(t, held_by_the_batch, 5, 12);
  tcase_add_test(t, no_inotify);
  tcase_add_test(t, no_directory_to_watch);
  suite_add_tcase(suite, t);
  return unit_run(suite);
}
