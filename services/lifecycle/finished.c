#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <s6/supervise.h>

#include <runlib/deaths.h>
#include <runlib/started.h>

/*
 * finished DEATHS STARTED EXIT SIGNAL: a service's finish script, in its service directory. Remembers a
 * death that nobody commanded, and waits before s6-supervise tries again; TERM ends the wait (mailctl sends
 * it). Exit 125 tells s6-supervise not to try again: the program said that it can never run.
 */

/*
 * Whether `s6-svc -d` (so every stop and restart of mailctl) caused it. s6-supervise 2.11 says so in its
 * status file, but writes that only after it forked this process: waits until the file shows us.
 */
static int is_commanded(void)
{
  s6_svstatus_t st;

  for (unsigned int i = 0; i < 200; i++)
  {
    if (s6_svstatus_read(".", &st) && st.flagfinishing && st.pid == getpid()) return !st.flagwantup;
    usleep(5000);
  }
  return 0;
}

/* Milliseconds since the process of the record was started, whatever the wall clock did. */
static uint64_t life_of(char const *file)
{
  started st;
  struct timespec now;
  uint64_t ticks;
  long hz = sysconf(_SC_CLK_TCK);

  if (hz <= 0 || started_read(&st, file) < 0 || clock_gettime(CLOCK_BOOTTIME, &now) < 0) return 0;
  ticks = (uint64_t)now.tv_sec * (uint64_t)hz + (uint64_t)now.tv_nsec / (1000000000u / (uint64_t)hz);
  return ticks > st.ticks ? (ticks - st.ticks) * 1000 / (uint64_t)hz : 0;
}

static void wait_ms(unsigned int ms)
{
  struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
  nanosleep(&ts, 0);
}

static void on_term(int sig)
{
  (void)sig;
  _exit(0);
}

int main(int argc, char const *const *argv)
{
  deaths d;
  death one = {.exit = 0};
  unsigned int pause;

  PROG = "finished";
  if (argc < 5 || !uint0_scan(argv[3], &one.exit) || !uint0_scan(argv[4], &one.signal))
    strerr_dieusage(100, "finished DEATHS STARTED EXIT SIGNAL");
  signal(SIGTERM, &on_term);
  if (is_commanded()) return 0;
  if (deaths_read(&d, argv[1]) < 0 && errno != ENOENT) strerr_warnwu2sys("read ", argv[1]);
  one.lived = life_of(argv[2]);
  tain_wallclock_read(&one.when);
  pause = deaths_add(&d, &one);
  if (deaths_write(&d, argv[1]) < 0) strerr_warnwu2sys("write ", argv[1]);
  if (d.state == DEATHS_FAILED) return 125;
  wait_ms(pause);
  return 0;
}
