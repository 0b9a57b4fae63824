#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <s6/supervise.h>

#include <runlib/deaths.h>
#include <runlib/journal.h>
#include <runlib/started.h>
#include <runlib/tcp/standby.h>

/*
 * finished RUN JOURNAL NAME EXIT SIGNAL [whole]: a service's finish script, in its service directory. Remembers a
 * death that nobody commanded in RUN/deaths/NAME, and waits before s6-supervise tries again; after a commanded stop, it
 * closes the service's door and waits for its sessions. TERM ends either wait (mailctl sends it). whole: what is left of
 * its process group is ended first. Exit 125 tells s6-supervise not to try again: the program said that it can never
 * run.
 */

/*
 * Whether `s6-svc -d` (a stop) caused it. s6-supervise 2.11 says so in its status file, but writes that only
 * after it forked this process: waits until the file shows us, five seconds if it cannot write.
 */
static int is_stopped(pid_t supervise)
{
  s6_svstatus_t st;

  for (unsigned int i = 0; i < 1000 && getppid() == supervise; i++)
  {
    if (s6_svstatus_read(".", &st) && st.flagfinishing && st.pid == getpid()) return !st.flagwantup;
    usleep(5000);
  }
  return 0;
}

static int is_restarted(char const *run, char const *name, started const *st)
{
  char file[4096];

  snprintf(file, sizeof file, "%s/restarts/%s", run, name);
  return started_is_marked(file, st);
}

/* Milliseconds since the process of the record was started, whatever the wall clock did. */
static uint64_t life_of(started const *st)
{
  struct timespec now;
  uint64_t ticks;
  long hz = sysconf(_SC_CLK_TCK);

  if (hz <= 0 || clock_gettime(CLOCK_BOOTTIME, &now) < 0) return 0;
  ticks = (uint64_t)now.tv_sec * (uint64_t)hz + (uint64_t)now.tv_nsec / (1000000000u / (uint64_t)hz);
  return st->ticks && ticks > st->ticks ? (ticks - st->ticks) * 1000 / (uint64_t)hz : 0;
}

static void note(char const *journal, char const *kind, char const *name, death const *one)
{
  int killed = one->exit > 255;

  if (journal_add(journal, "%s %s %s %u lived %llu", kind, name, killed ? "signal" : "exit",
                  killed ? one->signal : one->exit, (unsigned long long)one->lived) < 0)
    strerr_warnwu2sys("write ", journal);
}

/* How long to wait before the next attempt, ms. */
static unsigned int remember(deaths *d, char const *file, death const *one)
{
  unsigned int pause;

  if (deaths_read(d, file) < 0 && errno != ENOENT) strerr_warnwu2sys("read ", file);
  pause = deaths_add(d, one);
  if (deaths_write(d, file) < 0) strerr_warnwu2sys("write ", file);
  return pause;
}

/*
 * s6-supervise makes the run script the leader of a session and a process group of its own, whose number stays taken as
 * long as somebody is in it. TERM, and KILL after a second.
 */
static void end_group(started const *st)
{
  if (st->pid <= 1 || kill(-st->pid, SIGTERM) < 0) return;
  (void)kill(-st->pid, SIGCONT);
  for (unsigned int i = 0; i < 200; i++)
  {
    if (kill(-st->pid, 0) < 0) return;
    usleep(5000);
  }
  strerr_warnw("what the service left behind does not end: killing it");
  (void)kill(-st->pid, SIGKILL);
}

/* What of the service listens on when its daemon has ended, ends with the service: at once, and its sessions in time. */
static void close_door(char const *run, char const *name)
{
  char path[4096];

  snprintf(path, sizeof path, "%s/doors/%s", run, name);
  if (standby_close(path, -1) < 0) strerr_warnwu2sys("close ", path);
}

static void on_term(int sig)
{
  (void)sig;
  _exit(0);
}

int main(int argc, char const *const *argv)
{
  char file[4096];
  struct timespec ts;
  started st;
  deaths d = DEATHS_ZERO;
  death one = {.exit = 0};
  pid_t supervise = getppid();
  unsigned int pause;
  int restarted, stopped;

  PROG = "finished";
  if (argc < 6 || argc > 7 || !uint0_scan(argv[4], &one.exit) || !uint0_scan(argv[5], &one.signal))
    strerr_dieusage(100, "finished RUN JOURNAL NAME EXIT SIGNAL [whole]");
  signal(SIGTERM, &on_term);
  snprintf(file, sizeof file, "%s/started/%s", argv[1], argv[3]);
  if (started_read(&st, file) < 0) memset(&st, 0, sizeof st);
  if (argc == 7) end_group(&st);
  one.lived = life_of(&st);
  tain_wallclock_read(&one.when);
  restarted = is_restarted(argv[1], argv[3], &st);
  stopped = !restarted && is_stopped(supervise);
  note(argv[2], restarted || stopped ? "stop" : "death", argv[3], &one);
  if (stopped) close_door(argv[1], argv[3]);
  if (restarted || stopped) return 0;
  snprintf(file, sizeof file, "%s/deaths/%s", argv[1], argv[3]);
  pause = remember(&d, file, &one);
  if (d.state == DEATHS_FAILED) return 125;
  ts.tv_sec = pause / 1000;
  ts.tv_nsec = (long)(pause % 1000) * 1000000;
  nanosleep(&ts, 0);
  return 0;
}
