#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/iopause.h>
#include <skalibs/selfpipe.h>
#include <skalibs/sgetopt.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>
#include <skalibs/tai.h>
#include <skalibs/types.h>

#include <runlib/mappingrules.h>
#include <runlib/ready.h>

#include <services/spool/deliver.h>
#include <services/spool/forward.h>
#include <services/spool/mailboxes.h>
#include <services/spool/maildir.h>
#include <services/spool/maildir.h>
#include <services/spool/scan.h>
#include <services/spool/tally.h>
#include <services/spool/watch.h>

#define USAGE                                                                                                \
  "spool-deliver [-1] [-d FD] [-c CONTROL] [-a ALIASES] [-k NAME] [-n HOST] [-r SECONDS] [-i SECONDS]\n"     \
  "                     [-o SECONDS] [-s COUNTERS] [-R] [-P] [-L SOCKET] [-q BYTES] SPOOL MAIL\n"            \
  "       spool-deliver --make [-q BYTES] MAILDIR ...\n"                                                     \
  "       spool-deliver --retire|--purge MAILDIR ..."

static char const help[] = "usage: " USAGE "\n"
                           "Delivers the messages of SPOOL to Maildirs below MAIL.\n"
                           "  -1           deliver what is due, and exit\n"
                           "  -d FD        write a newline to FD when ready\n"
                           "  -c CONTROL   the directory of qmail control files (control)\n"
                           "  -a ALIASES   the alias file\n"
                           "  -k NAME      the alias or Maildir for what is nobody's\n"
                           "  -n HOST      the host in the names of files (this machine)\n"
                           "  -r SECONDS   the longest pause between attempts (300)\n"
                           "  -i SECONDS   look so often without a reason (60)\n"
                           "  -o SECONDS   remove what was left in SPOOL/tmp for so long (60)\n"
                           "  -s COUNTERS  keep the number of messages in SPOOL/failed in this file\n"
                           "  -R           leave what is for other hosts to spool-send\n"
                           "  -P           aliases may run programs\n"
                           "  -L SOCKET    hand mail over by LMTP instead\n"
                           "  -q BYTES     what a Maildir may have that has no limit of its own\n"
                           "  --make       make Maildirs, or find retired ones again\n"
                           "  -q BYTES     with --make: they may have so much; 0: no limit\n"
                           "  --retire     give them names that are no recipient's\n"
                           "  --purge      remove them\n"
                           "See spool-deliver(8).\n";

#define SECOND 1000000U

typedef struct options_s options;
struct options_s
{
  int once;              /* deliver what is due and exit */
  unsigned int ready;    /* descriptor; 0: none */
  unsigned int retry;    /* seconds: the longest pause */
  unsigned int interval; /* seconds between scans that nothing called for */
  unsigned int age;      /* seconds after which a file in tmp/ is stale */
  char const *host;
  char const *counters; /* 0: none */
  int out;              /* other hosts' mail is for spool-send */
  rules_files files;
};

typedef struct daemon_s daemon_state;
struct daemon_s
{
  options o;
  spool s;
  rules r;
  scan found;
  tally t;
  stralloc failed; /* the path of failed/ */
  int signals;
  watch watch;
  int unreadable; /* the errno for which todo/ cannot be read, which the log knows; 0: it can */
  int stop;
  uint64_t since;    /* messages last tried before are due: the start, or the last HUP; microseconds */
  uint64_t cleaned;  /* when tmp/ was last cleaned; microseconds */
  unsigned int idle; /* seconds to pause after passes that moved nothing */
};

/* --- start --------------------------------------------------------------------------------------- */

static int open_directory(char const *path, char const *name, mode_t mode)
{
  int fd, at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (at < 0) strerr_diefusys(111, "open ", path);
  if (mkdirat(at, name, mode) < 0 && errno != EEXIST) strerr_diefusys(111, "make ", path, "/", name);
  fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) strerr_diefusys(111, "open ", path, "/", name);
  close(at);
  return fd;
}

static void open_mail(spool *s)
{
  stralloc postmaster = STRALLOC_ZERO;
  int new = !mkdir(s->mailpath, 0711);

  if (!new &&errno != EEXIST) strerr_diefusys(111, "make ", s->mailpath);
  s->mail = open(s->mailpath, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (s->mail < 0) strerr_diefusys(111, "open ", s->mailpath);
  if (!new) return;
  if (!stralloc_cats(&postmaster, s->mailpath) || !stralloc_cats(&postmaster, "/postmaster") ||
      !stralloc_0(&postmaster) || maildir_make(postmaster.s) < 0)
    strerr_diefusys(111, "make ", s->mailpath, "/postmaster");
  stralloc_free(&postmaster);
}

/* About a dozen descriptors are always open; a message takes one, and two more for each directory. */
static unsigned int batch_size(void)
{
  struct rlimit l;
  rlim_t n;

  if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur < 32) return 1;
  n = (l.rlim_cur - 16) / 8;
  return n > DELIVER_BATCH ? DELIVER_BATCH : (unsigned int)n;
}

/*
 * Two that deliver from one spool would deliver some of it twice. A directory is locked, because a file would be in
 * the way when the service gets another user; tmp/, because nobody else can open it.
 */
static void take_lock(daemon_state *d)
{
  if (!flock(d->s.tmp, LOCK_EX | LOCK_NB)) return;
  if (errno == EWOULDBLOCK) strerr_dief(111, "another process already delivers from ", d->s.path);
  strerr_diefusys(111, "lock ", d->s.path, "/tmp");
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

static char const *reason(rules const *r)
{
  return r->wrong.len ? r->wrong.s : "out of memory";
}

static void start_tally(daemon_state *d)
{
  if (!stralloc_cats(&d->failed, d->s.path) || !stralloc_cats(&d->failed, "/failed") ||
      !stralloc_0(&d->failed))
    strerr_diefusys(111, "remember the spool's path");
  if (d->o.counters && tally_open(&d->t, d->o.counters) < 0) strerr_warnwusys("count in ", d->o.counters);
}

static void start(daemon_state *d)
{
  umask(077);
  if (mkdir(d->s.path, 0700) < 0 && errno != EEXIST) strerr_diefusys(111, "make ", d->s.path);
  d->s.todo = open_directory(d->s.path, "todo", 0700);
  d->s.tmp = open_directory(d->s.path, "tmp", 0700);
  d->s.failed = open_directory(d->s.path, "failed", 0700);
  close(open_directory(d->s.path, "held", 0700)); /* for who queues */
  if (d->o.out)
    d->s.out = open_directory(d->s.path, "out", 0700),
    d->s.remote = open_directory(d->s.path, "remote", 0700);
  d->s.notes = open_directory(d->s.path, "notes", 0700);
  if (d->o.out && forward_open(&d->s) < 0) strerr_diefusys(111, "read ", d->s.path, "/srs.key");
  take_lock(d);
  open_mail(&d->s);
  trap(d);
  if (rules_load(&d->r, &d->o.files, &d->s.map) < 0) strerr_dief(111, reason(&d->r));
  start_tally(d);
  d->s.batch = batch_size();
  if (!tain_now_set_stopwatch_g()) strerr_diefusys(111, "read the clock");
  d->since = scan_now();
}

/* --- the loop ------------------------------------------------------------------------------------ */

static void handle_signals(daemon_state *d)
{
  for (;;) switch (selfpipe_read())
    {
      case 0: return;
      case -1: strerr_diefusys(111, "read signals");
      case SIGHUP:
        d->since = scan_now();
        rules_forget(&d->r);
        d->cleaned = 0;
        d->idle = 0;
        break;
      default: d->stop = 1;
    }
}

static void clean(daemon_state *d, uint64_t now)
{
  uint64_t age = (uint64_t)d->o.age * SECOND;
  unsigned int n;
  char fmt[UINT_FMT];

  if (d->cleaned && now - d->cleaned < age) return;
  d->cleaned = now;
  n = scan_clean(d->s.tmp, now, age);
  fmt[uint_fmt(fmt, n)] = 0;
  if (n) strerr_warn(PROG, ": removed ", fmt, " files that killed processes left in ", d->s.path, "/tmp");
}

static void reload(daemon_state *d)
{
  int was_stale = d->r.stale;
  int r = rules_load(&d->r, &d->o.files, &d->s.map);

  d->s.stale = d->r.stale;
  if (r < 0) strerr_warnw(reason(&d->r), "; what was read before stays in force");
  if (r <= 0) return;
  if (was_stale) strerr_warni("the control files are in force as they are now");
  d->since = scan_now();
}

static void deliver_found(daemon_state *d, outcome *o)
{
  char const **names = genalloc_s(char const *, &d->found.names);
  unsigned int n = (unsigned int)genalloc_len(size_t, &d->found.names);

  while (n && !d->stop)
  {
    unsigned int done = deliver_batch(&d->s, names, n, o);
    names += done;
    n -= done;
    handle_signals(d);
  }
}

static unsigned int shorter(unsigned int a, unsigned int b)
{
  return a < b ? a : b;
}

/* Why todo/ cannot be read, 0 if it can: said when it changes. */
static void tell_todo(daemon_state *d, int e)
{
  if (e == d->unreadable) return;
  d->unreadable = errno = e;
  if (e)
    strerr_warnwusys("read ", d->s.path, "/todo");
  else
    strerr_warni(d->s.path, "/todo can be read again");
}

/* One look at todo/. Returns how many milliseconds there is nothing to do. */
static unsigned int pass(daemon_state *d)
{
  outcome o = {.gone = 0, .deferred = 0, .left = 0};
  uint64_t now = scan_now();
  unsigned int pause = watch_pause(&d->watch, d->o.interval * 1000);

  clean(d, now);
  reload(d);
  if (scan_todo(&d->found, d->s.todo, now, (uint64_t)d->o.retry * SECOND, d->since) < 0)
  {
    tell_todo(d, errno);
    return 1000;
  }
  tell_todo(d, 0);
  shares_begin(&d->s.shares);
  deliver_found(d, &o);
  lmtp_end(&d->s.lmtp);
  failed_trim(&d->s, scan_now());
  tally_take(&d->t, d->failed.s, scan_now(), o.gone > 0);
  if (o.gone || o.left)
  {
    d->idle = 0;
    return 0;
  }
  if (o.deferred)
  {
    d->idle = d->idle ? shorter(d->idle * 2, d->o.retry) : 1;
    return shorter(d->idle * 1000, pause);
  }
  if (d->found.next <= now + (uint64_t)pause * 1000) pause = (unsigned int)((d->found.next - now) / 1000 + 1);
  return pause;
}

static void wait_for_work(daemon_state *d, unsigned int ms)
{
  iopause_fd x[2] = {{.fd = d->signals, .events = IOPAUSE_READ}, {.fd = d->watch.fd, .events = IOPAUSE_READ}};
  tain deadline;

  tain_now_g();
  tain_from_millisecs(&deadline, (int)ms);
  tain_add_g(&deadline, &deadline);
  if (iopause_g(x, d->watch.fd < 0 ? 1 : 2, &deadline) < 0) strerr_diefusys(111, "wait");
  handle_signals(d);
  watch_turn(&d->watch, d->s.todo, d->s.path);
}

/* --- the command line ---------------------------------------------------------------------------- */

static unsigned int number(char const *option, char const *s, unsigned int most)
{
  unsigned int n;

  if (!uint0_scan(s, &n) || !n || n > most)
    strerr_dief(100, "option ", option, " takes a number from 1 up, not ", s);
  return n;
}

static int parse(daemon_state *d, int argc, char const *const *argv)
{
  options *o = &d->o;
  subgetopt l = SUBGETOPT_ZERO;

  for (;;) switch (subgetopt_r(argc, argv, "1d:c:a:k:n:r:i:o:s:RPL:q:", &l))
    {
      case -1: return l.ind;
      case '1': o->once = 1; break;
      case 'd': o->ready = number("-d", l.arg, 1000000); break;
      case 'c': o->files.control = l.arg; break;
      case 'a': o->files.aliases = l.arg; break;
      case 'k': o->files.catchall = l.arg; break;
      case 'n': o->host = l.arg; break;
      case 'r': o->retry = number("-r", l.arg, 86400); break;
      case 'i': o->interval = number("-i", l.arg, 86400); break;
      case 'o': o->age = number("-o", l.arg, 864000); break;
      case 's': o->counters = l.arg; break;
      case 'R': o->out = o->files.foreign = 1; break;
      case 'P': o->files.programs = RULES_RUN; break;
      case 'L': d->s.lmtp.path = l.arg; break;
      case 'q':
        if (!uint640_scan(l.arg, &d->s.quota)) strerr_dief(100, "option -q takes bytes, not ", l.arg);
        break;
      default: strerr_dieusage(100, USAGE);
    }
}

static char const *host_name(char const *given)
{
  static stralloc sa = STRALLOC_ZERO;
  char host[65] = "";

  if (!given)
  {
    gethostname(host, sizeof host - 1);
    given = *host ? host : "localhost";
  }
  if (maildir_host(&sa, given) < 0 || !stralloc_0(&sa)) strerr_diefusys(111, "remember the host's name");
  if (sa.len > 100) strerr_dief(100, "too long a host name: ", given);
  return sa.s;
}

/* Exit status: 0, or 1 if messages are left. */
static int serve_once(daemon_state *d)
{
  while (!pass(d) && !d->stop)
    ;
  return genalloc_len(size_t, &d->found.names) || d->found.next != UINT64_MAX;
}

static void serve(daemon_state *d)
{
  watch_turn(&d->watch, d->s.todo, d->s.path);
  if (ready_notify((int)d->o.ready) < 0) strerr_warnwusys("say that it is ready");
  while (!d->stop)
  {
    unsigned int ms = pass(d);
    if (!d->stop) wait_for_work(d, ms);
  }
}

int main(int argc, char const *const *argv)
{
  static daemon_state d = {.o = {.retry = 300, .interval = 60, .age = 60, .files = {.control = "control"}},
                           .s = {.map = MAPPING_ZERO, .lmtp = {.fd = -1}},
                           .r = RULES_ZERO,
                           .found = SCAN_ZERO,
                           .t = TALLY_ZERO,
                           .failed = STRALLOC_ZERO,
                           .watch = WATCH_ZERO};
  int first;

  PROG = "spool-deliver";
  if (argc > 1 && !strcmp(argv[1], "--help")) return fputs(help, stdout) < 0 || fflush(stdout) ? 111 : 0;
  if (argc > 1 && !strcmp(argv[1], "--version"))
    return puts("spool-deliver (mailctl) " VERSION) < 0 || fflush(stdout) ? 111 : 0;
  first = argc > 1 ? mailboxes(argv + 1) : -1;
  if (first == 100) strerr_dieusage(100, USAGE);
  if (first >= 0) return first;
  first = parse(&d, argc, argv);
  if (argc - first != 2) strerr_dieusage(100, USAGE);
  d.s.path = argv[first];
  d.s.mailpath = argv[first + 1];
  d.s.host = d.s.lmtp.host = host_name(d.o.host);
  start(&d);
  if (d.o.once) return serve_once(&d);
  serve(&d);
  strerr_warn(PROG, ": ended");
  return 0;
}
