#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/iopause.h>
#include <skalibs/selfpipe.h>
#include <skalibs/sgetopt.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>
#include <skalibs/tai.h>
#include <skalibs/types.h>

#include <runlib/ready.h>

#include <services/spool/outlook.h>
#include <services/spool/scan.h>
#include <services/spool/sender.h>
#include <services/spool/watch.h>

#define USAGE                                                                                                \
  "spool-send [-d FD] [-n HOST] [-r SECONDS] [-l SECONDS] [-w SECONDS] [-m NUMBER] [-p NUMBER] [-s "         \
  "COUNTERS] SPOOL SOCKET"

static char const help[] =
    "usage: " USAGE "\n"
    "Schedules the messages of SPOOL that go to other hosts, and has them sent by remote.\n"
    "  -d FD        write a newline to FD when ready\n"
    "  -n HOST      this machine's name, in reports\n"
    "  -r SECONDS   the pause after a message's first failure (400)\n"
    "  -l SECONDS   how long a message is tried (432000)\n"
    "  -w SECONDS   tell the sender after so long that it is still tried; 0: never (14400)\n"
    "  -m NUMBER    attempts at a time (50)\n"
    "  -p NUMBER    the same to one destination (10)\n"
    "  -s COUNTERS  count in this file\n"
    "See spool-send(8).\n";

#define SECOND 1000000U

typedef struct options_s options;
struct options_s
{
  unsigned int ready;
  unsigned int retry;
  unsigned int lifetime;
  unsigned int warn;
  unsigned int most;
  unsigned int most_to;
  char const *counters;
};

typedef struct daemon_s daemon_state;
struct daemon_s
{
  sender s;
  watch watch;
  outlook outlook;
  int signals;
  int ending;
};

/* --- start --------------------------------------------------------------------------------------- */

static int open_directory(char const *path, char const *name)
{
  int fd, at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (at < 0) strerr_diefusys(111, "open ", path);
  if (mkdirat(at, name, 0700) < 0 && errno != EEXIST) strerr_diefusys(111, "make ", path, "/", name);
  fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) strerr_diefusys(111, "open ", path, "/", name);
  close(at);
  return fd;
}

/* Two of them would send some of it twice. */
static void take_lock(sender const *s)
{
  if (!flock(s->remote, LOCK_EX | LOCK_NB)) return;
  if (errno == EWOULDBLOCK) strerr_dief(111, "another process already sends from ", s->s.path);
  strerr_diefusys(111, "lock ", s->s.path, "/remote");
}

static void trap(daemon_state *d)
{
  static int const signals[] = {SIGTERM, SIGINT, SIGHUP};

  d->signals = selfpipe_init();
  if (d->signals < 0) strerr_diefusys(111, "make a pipe for signals");
  for (unsigned int i = 0; i < sizeof signals / sizeof *signals; i++)
    if (!selfpipe_trap(signals[i])) strerr_diefusys(111, "catch signals");
  sig_ignore(SIGPIPE);
}

static void start_counting(sender *s, char const *file)
{
  static char const *const names[SENDER_COUNTERS] = {
      "remote.waiting",   "remote.running",   "remote.sent.0",   "remote.sent.1",
      "remote.bounced.0", "remote.bounced.1", "remote.deferred", "remote.oldest"};
  static counter own[SENDER_COUNTERS];

  for (unsigned int i = 0; i < SENDER_COUNTERS; i++) s->counters[i] = own + i;
  if (file && counters_open(file, 0644, names, SENDER_COUNTERS, s->counters) < 0)
    strerr_warnwusys("count in ", file);
}

static void start(daemon_state *d, options const *o)
{
  sender *s = &d->s;

  umask(077);
  s->out = open_directory(s->s.path, "out");
  s->remote = open_directory(s->s.path, "remote");
  s->notes = open_directory(s->s.path, "notes");
  s->s.tmp = open_directory(s->s.path, "tmp");
  s->s.failed = open_directory(s->s.path, "failed");
  take_lock(s);
  trap(d);
  start_counting(s, o->counters);
  outlook_init(&d->outlook, o->counters);
  s->lifetime = (uint64_t)o->lifetime * SECOND;
  s->warn = (uint64_t)o->warn * SECOND;
  for (unsigned int i = 0; i < SENDER_ATTEMPTS; i++) s->attempts[i].parcel = SCHEDULE_NONE;
  schedule_init(&s->schedule, o->most, o->most_to, (uint64_t)o->retry * SECOND);
  if (outgoing_load(s) < 0) strerr_diefusys(111, "read ", s->s.path, "/remote");
  if (!tain_now_set_stopwatch_g()) strerr_diefusys(111, "read the clock");
}

/* --- the loop ------------------------------------------------------------------------------------ */

static void handle_signals(daemon_state *d)
{
  for (;;) switch (selfpipe_read())
    {
      case 0: return;
      case -1: strerr_diefusys(111, "read signals");
      case SIGHUP: schedule_hurry(&d->s.schedule); break;
      default: d->ending = 1;
    }
}

/* What is due, what came, what was left on disk. Returns how many milliseconds there is nothing to do. */
static unsigned int work(daemon_state *d)
{
  sender *s = &d->s;
  uint64_t now = scan_now(), next, look;

  if (!d->ending)
  {
    outgoing_take(s);
    if (s->reload && s->reload <= now && !schedule_full(&s->schedule) && outgoing_load(s) < 0)
      strerr_warnwusys("read ", s->s.path, "/remote");
    sending_begin(s, now);
  }
  counter_set(s->counters[COUNT_WAITING], s->schedule.waiting);
  counter_set(s->counters[COUNT_RUNNING], s->schedule.running);
  look = outlook_take(&d->outlook, s, now);
  next = schedule_when(&s->schedule);
  if (next < s->again) next = s->again;
  if (s->reload && s->reload < next) next = s->reload;
  if (look < next) next = look;
  if (d->ending || next > now + 60 * SECOND) return watch_pause(&d->watch, 60000);
  return next > now ? watch_pause(&d->watch, (unsigned int)((next - now) / 1000) + 1) : 0;
}

static void wait_for_work(daemon_state *d, unsigned int ms)
{
  static iopause_fd x[SENDER_ATTEMPTS + 2];
  static attempt *of[SENDER_ATTEMPTS];
  unsigned int n = 0;
  uint64_t now;
  tain deadline;

  for (attempt *a = d->s.attempts; a < d->s.attempts + SENDER_ATTEMPTS; a++)
    if (a->parcel != SCHEDULE_NONE)
    {
      x[n] = (iopause_fd){.fd = a->fd, .events = IOPAUSE_READ};
      of[n++] = a;
    }
  x[n] = (iopause_fd){.fd = d->signals, .events = IOPAUSE_READ};
  x[n + 1] = (iopause_fd){.fd = d->watch.fd, .events = IOPAUSE_READ};
  tain_now_g();
  tain_from_millisecs(&deadline, (int)ms);
  tain_add_g(&deadline, &deadline);
  if (iopause_g(x, n + 1 + (d->watch.fd >= 0), &deadline) < 0) strerr_diefusys(111, "wait");
  now = scan_now();
  for (unsigned int i = 0; i < n; i++)
    if (x[i].revents || now > of[i]->begun + (uint64_t)ATTEMPT_SECONDS * SECOND) sending_read(&d->s, of[i]);
  handle_signals(d);
  watch_turn(&d->watch, d->s.out, d->s.s.path);
}

/* --- the command line ---------------------------------------------------------------------------- */

static unsigned int number(char const *option, char const *s, unsigned int least, unsigned int most)
{
  unsigned int n;

  if (!uint0_scan(s, &n) || n < least || n > most)
    strerr_dief(100, "option ", option, " takes no such number: ", s);
  return n;
}

#define DAYS_100 8640000U

static int parse(sender *s, options *o, int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;

  for (;;) switch (subgetopt_r(argc, argv, "d:n:r:l:w:m:p:s:", &l))
    {
      case -1: return l.ind;
      case 'd': o->ready = number("-d", l.arg, 1, 1000000); break;
      case 'n': s->s.host = l.arg; break;
      case 'r': o->retry = number("-r", l.arg, 1, 86400); break;
      case 'l': o->lifetime = number("-l", l.arg, 0, DAYS_100); break;
      case 'w': o->warn = number("-w", l.arg, 0, DAYS_100); break;
      case 'm': o->most = number("-m", l.arg, 1, SENDER_ATTEMPTS); break;
      case 'p': o->most_to = number("-p", l.arg, 1, SENDER_ATTEMPTS); break;
      case 's': o->counters = l.arg; break;
      default: strerr_dieusage(100, USAGE);
    }
}

static char const *host_name(void)
{
  static char host[65];

  gethostname(host, sizeof host - 1);
  return *host ? host : "localhost";
}

int main(int argc, char const *const *argv)
{
  static daemon_state d = {.watch = WATCH_ZERO};
  options o = {.retry = 400, .lifetime = 432000, .warn = 14400, .most = 50, .most_to = 10};
  int first;

  PROG = "spool-send";
  if (argc == 2 && !strcmp(argv[1], "--help")) return fputs(help, stdout) < 0 || fflush(stdout) ? 111 : 0;
  if (argc == 2 && !strcmp(argv[1], "--version"))
    return puts("spool-send (mailctl) " VERSION) < 0 || fflush(stdout) ? 111 : 0;
  first = parse(&d.s, &o, argc, argv);
  if (argc - first != 2) strerr_dieusage(100, USAGE);
  d.s.s.path = argv[first];
  d.s.socket = argv[first + 1];
  if (!d.s.s.host) d.s.s.host = host_name();
  start(&d, &o);
  watch_turn(&d.watch, d.s.out, d.s.s.path);
  if (o.ready && ready_notify((int)o.ready) < 0) strerr_warnwusys("say that it is ready");
  while (!d.ending || d.s.schedule.running) wait_for_work(&d, work(&d));
  strerr_warn(PROG, ": ended");
  return 0;
}
