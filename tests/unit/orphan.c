#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <runlib/orphans.h>
#include <runlib/started.h>

#include <ctl/context.h>
#include <ctl/live/live.h>
#include <ctl/live/orphan.h>
#include <ctl/live/progress.h>
#include <ctl/live/servicedir.h>

#include "directory.h"
#include "unit.h"

/*
 * The processes are real, children of the test; s6-supervise, and the transition that stops services, are here in the
 * places of ctl/live/live.c, transition.c and progress.c.
 */

#define CONTENT "0123456789abcdef0123456789abcdef"

static key const bundle_keys[] = {
    {.name = "ready-timeout", .type = KEY_TIME}, {.name = "drain", .type = KEY_TIME}, {.name = 0}};
static section_kind const kind = {.name = "bundle", .keys = bundle_keys};
static section self = {.kind = &kind};
static bundle const b = {.self = &self, .run = "run"};

static live_status says;  /* of the daemons; 0 of loggers */
static int supervises;    /* s6-supervise processes run, until they are told to end */
static char ended[512];   /* the directories, below run, of those that were */
static char stopped[128]; /* the services that were to be stopped */
static int stops = 0;     /* how that ends */

int live_read(char const *dir, live_status *st)
{
  *st = (live_status){.pid = 0};
  if (!strstr(dir, "/log")) *st = says;
  st->supervised = supervises && !strstr(ended, dir + 4);
  return 0;
}

int live_control(char const *dir, char const *letters)
{
  size_t n = strlen(ended);

  ck_assert_str_eq(letters, "dx");
  if (!supervises) return (errno = ENXIO, -1);
  snprintf(ended + n, sizeof ended - n, "%s ", dir + 4);
  return 0;
}

void transition_init(transition *t, bundle const *of)
{
  (void)t;
  ck_assert_ptr_eq(of, &b);
}

int transition_add(transition *t, char const *name, genalloc const *needs, goal g)
{
  (void)t;
  ck_assert(!genalloc_len(char *, needs) && g == GOAL_STOP);
  strcat(strcat(stopped, name), " ");
  return 0;
}

int progress_run(transition *t, tain *stamp)
{
  (void)t;
  (void)stamp;
  return stops;
}

void transition_free(transition *t)
{
  (void)t;
}

static void prepare(void)
{
  static value const times[] = {{.key = bundle_keys, .number = 30000},
                                {.key = bundle_keys + 1, .number = 60000}};

  rm_rf("run");
  ck_assert_int_eq(mkdir("run", 0755) | mkdir("run/started", 0755) | mkdir("run/orphans", 0755) |
                       mkdir("run/servicedirs", 0755) | mkdir("run/servicedirs/web", 0755) |
                       mkdir("run/servicedirs/db", 0755) | mkdir("run/servicedirs/.hidden", 0755),
                   0);
  ck_assert(genalloc_catb(value, &self.values, times, 2));
  ck_assert(tain_now_set_stopwatch_g());
}

/* A daemon that ends on TERM; deaf: on KILL alone. It is so by the time this returns. */
static pid_t daemon_start(int deaf)
{
  int ready[2];
  pid_t pid;
  char c;

  ck_assert_int_eq(pipe(ready), 0);
  pid = fork();
  ck_assert_int_ge(pid, 0);
  if (!pid)
  {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGTERM, deaf ? SIG_IGN : SIG_DFL);
    close(ready[0]);
    (void)!write(ready[1], "", 1);
    for (;;) pause();
  }
  close(ready[1]);
  ck_assert_int_eq(read(ready[0], &c, 1), 1);
  close(ready[0]);
  return pid;
}

/* The signal that ended it. */
static int daemon_end(pid_t pid)
{
  int wstat = 0;

  ck_assert_int_eq(waitpid(pid, &wstat, 0), pid);
  return WTERMSIG(wstat);
}

static int daemon_lives(pid_t pid)
{
  return waitpid(pid, 0, WNOHANG) == 0;
}

static void add(char const *name, pid_t pid, uint64_t ticks)
{
  char file[64];

  snprintf(file, sizeof file, "run/orphans/%s", name);
  ck_assert_int_eq(orphans_add(file, &(orphan){.pid = pid, .ticks = ticks}), 0);
}

/* --- who is one ------------------------------------------------------------------------------------ */

START_TEST(names_are_sorted)
{
  genalloc names = GENALLOC_ZERO;

  ck_assert_int_eq(orphan_names(&names, &b), 0);
  ck_assert_uint_eq(genalloc_len(char *, &names), 2);
  ck_assert_str_eq(genalloc_s(char *, &names)[0], "db");
  ck_assert_str_eq(genalloc_s(char *, &names)[1], "web");
  rm_rf("run/servicedirs");
  ck_assert(orphan_names(&names, &b) < 0 && errno == ENOENT);
}
END_TEST

START_TEST(the_recorded_that_live)
{
  pid_t pid = daemon_start(0);

  ck_assert_int_eq(orphan_of(&b, "web", ""), 0);
  add("web", pid, started_ticks(pid));
  ck_assert_int_eq(orphan_of(&b, "web", ""), pid);
  ck_assert_int_eq(orphan_of(&b, "web", ".log"), 0);
  ck_assert_int_eq(orphan_of(&b, "db", ""), 0);
  ck_assert(orphan_is(&b, pid) && !orphan_is(&b, getpid()));
  kill(pid, SIGKILL);
  daemon_end(pid);
  ck_assert_int_eq(orphan_of(&b, "web", ""), 0);
}
END_TEST

/* The last that was started, unless it is the one that s6-supervise has, or will say in a moment that it has. */
START_TEST(the_last_started)
{
  pid_t pid = daemon_start(0);

  ck_assert_int_eq(started_write("run/started/web", pid, CONTENT, "", 0), 0);
  ck_assert_int_eq(orphan_of(&b, "web", ""), pid);
  says.pid = pid;
  ck_assert_int_eq(orphan_of(&b, "web", ""), 0);
  says.pid = getpid();
  supervises = 1;
  ck_assert_int_eq(orphan_of(&b, "web", ""), pid);
  ck_assert_int_eq(prctl(PR_SET_NAME, "s6-supervise"), 0); /* its parent, us */
  ck_assert_int_eq(orphan_of(&b, "web", ""), 0);
  supervises = 0; /* another bundle's, then */
  ck_assert_int_eq(orphan_of(&b, "web", ""), pid);
}
END_TEST

/* --- their end ------------------------------------------------------------------------------------- */

/* Not in valgrind, which has no pidfds. */
static int can_end(void)
{
  int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

  if (fd >= 0) close(fd);
  return fd >= 0;
}

START_TEST(they_are_ended)
{
  pid_t web = daemon_start(0);
  pid_t logger = daemon_start(0);
  tain stamp;

  if (!can_end()) return;
  add("web", web, started_ticks(web));
  add("web.log", logger, started_ticks(logger));
  tain_now(&stamp);
  ck_assert_int_eq(orphan_end_daemons(&b, &stamp), 0);
  ck_assert_int_eq(daemon_end(web), SIGTERM);
  ck_assert_int_eq(daemon_end(logger), SIGTERM);
  ck_assert(access("run/orphans/web", F_OK) < 0 && access("run/orphans/web.log", F_OK) < 0);
}
END_TEST

START_TEST(the_deaf_are_killed_after_drain)
{
  pid_t pid = daemon_start(1);
  tain stamp;

  if (!can_end()) return;
  genalloc_s(value, &self.values)[1].number = 50;
  add("web", pid, started_ticks(pid));
  tain_now(&stamp);
  ck_assert_int_eq(orphan_end_daemons(&b, &stamp), 0);
  ck_assert_int_eq(daemon_end(pid), SIGKILL);
}
END_TEST

/* One that got the pid later has another start time. */
START_TEST(strangers_are_left_alone)
{
  pid_t pid = daemon_start(0);
  tain stamp;
  FILE *f = fopen("run/started/web", "w");

  ck_assert_ptr_nonnull(f);
  fprintf(f, "%d 1 " CONTENT "\n", (int)pid);
  fclose(f);
  add("web", pid, started_ticks(pid) - 1);
  add("web", pid, 0);
  tain_now(&stamp);
  ck_assert_int_eq(orphan_of(&b, "web", ""), 0);
  ck_assert_int_eq(orphan_end_daemons(&b, &stamp), 0);
  ck_assert(daemon_lives(pid));
  kill(pid, SIGKILL);
  daemon_end(pid);
}
END_TEST

START_TEST(supervisors_end_after_their_services)
{
  tain stamp;

  tain_now(&stamp);
  ck_assert_int_eq(orphan_end_supervisors(&b, 0, &stamp), 0);
  ck_assert_str_eq(stopped, "");
  ck_assert_str_eq(ended, "");
  supervises = 1;
  ck_assert_int_eq(orphan_end_supervisors(&b, 0, &stamp), 0);
  ck_assert_str_eq(stopped, "db web ");
  ck_assert_str_eq(ended, "servicedirs/db servicedirs/db/log servicedirs/web servicedirs/web/log "
                          "service/s6-svscan-log ");
}
END_TEST

START_TEST(supervisors_stay_while_a_service_does)
{
  tain stamp;

  tain_now(&stamp);
  supervises = 1;
  stops = EXIT_TIMEOUT;
  ck_assert_int_eq(orphan_end_supervisors(&b, 0, &stamp), EXIT_TIMEOUT);
  ck_assert_str_eq(ended, "");
}
END_TEST

int main(void)
{
  Suite *s = suite_create("orphan");
  TCase *t = tcase_create("orphan");

  unit_in_directory(t);
  tcase_add_checked_fixture(t, &prepare, 0);
  tcase_add_test(t, names_are_sorted);
  tcase_add_test(t, the_recorded_that_live);
  tcase_add_test(t, the_last_started);
  tcase_add_test(t, they_are_ended);
  tcase_add_test(t, the_deaf_are_killed_after_drain);
  tcase_add_test(t, strangers_are_left_alone);
  tcase_add_test(t, supervisors_end_after_their_services);
  tcase_add_test(t, supervisors_stay_while_a_service_does);
  suite_add_tcase(s, t);
  return unit_run(s);
}
