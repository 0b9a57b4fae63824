#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/iopause.h>
#include <skalibs/selfpipe.h>
#include <skalibs/sgetopt.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>
#include <skalibs/tai.h>
#include <skalibs/types.h>

#include <runlib/ready.h>
#include <runlib/reload.h>

#include "check-internal.h"
#include "generation-internal.h"
#include "psname-internal.h"

#define USAGE "tlsd [-d fd] [-u user] [-a user]... [-c counters] socket config | tlsd --check config"

static int help(void)
{
  return puts("usage: " USAGE "\n\n"
              "Shakes hands and relays TLS for programs that pass it their clients' sockets.\n\n"
              "  -d fd        write a newline to fd once requests are served\n"
              "  -u user      drop to this user (as root)\n"
              "  -a user      who may open the socket (may stand several times)\n"
              "  -c counters  the file to count in\n"
              "  --check      say everything about the certificates and keys that config names\n"
              "  --help, --version") < 0 ||
                 fflush(stdout)
             ? 111
             : 0;
}

/* --- options --- */

static struct passwd *find_user(char const *name)
{
  struct passwd *pw = getpwnam(name);
  if (!pw) strerr_dief(100, "unknown user: ", name);
  return pw;
}

static void drop_to(master *m, char const *name)
{
  struct passwd *pw = find_user(name);
  m->uid = pw->pw_uid;
  m->gid = pw->pw_gid;
}

static void allow(master *m, char const *name)
{
  if (m->nusers == CLIENTS_MAX) strerr_dief(100, "too many -a options (8 at most)");
  m->users[m->nusers++] = find_user(name)->pw_uid;
}

typedef struct options_s options;
struct options_s
{
  unsigned int notify;
  char const *counters;
  char const *socket;
};

static void parse(options *o, master *m, int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;

  for (int opt; (opt = subgetopt_r(argc, argv, "d:u:a:c:", &l)) != -1;) switch (opt)
    {
      case 'd':
        if (!uint0_scan(l.arg, &o->notify)) strerr_dieusage(100, USAGE);
        break;
      case 'u': drop_to(m, l.arg); break;
      case 'a': allow(m, l.arg); break;
      case 'c': o->counters = l.arg; break;
      default: strerr_dieusage(100, USAGE);
    }
  if (argc - l.ind != 2) strerr_dieusage(100, USAGE);
  o->socket = argv[l.ind];
  m->config = argv[l.ind + 1];
  if (geteuid() == 0 && !m->uid) strerr_dief(100, "as root, -u must name another user to drop to");
}

/* --- preparations --- */

#define LOOK_SECONDS 5

/* One user: the file says who may. Several: the file is open, and the pool asks the kernel who it is. */
static void open_listener(master *m, char const *path)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  /* A worker whose signal comes just before it waits hears of it then. */
  struct timeval const look = {.tv_sec = LOOK_SECONDS};
  mode_t mask = umask(0177);

  if (strlen(path) >= sizeof sa.sun_path) strerr_dief(100, path, ": too long a path for a socket");
  strcpy(sa.sun_path, path);
  m->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (unlink(path) < 0 && errno != ENOENT) strerr_diefusys(111, "unlink ", path);
  if (m->listener < 0 || bind(m->listener, (struct sockaddr *)&sa, sizeof sa) < 0)
    strerr_diefusys(111, "bind ", path);
  umask(mask);
  if (m->nusers == 1 && m->users[0] != geteuid() && lchown(path, m->users[0], (gid_t)-1) < 0)
    strerr_diefusys(111, "give away ", path);
  if (m->nusers > 1 && chmod(path, 0666) < 0) strerr_diefusys(111, "open up ", path);
  if (setsockopt(m->listener, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof look) < 0 ||
      listen(m->listener, 1024) < 0)
    strerr_diefusys(111, "listen on ", path);
}

static void open_counters(master *m, char const *path)
{
  static counter own[POOL_COUNTERS];

  for (unsigned int i = 0; i < POOL_COUNTERS; i++) m->counters[i] = own + i;
  if (!path) return;
  if (counters_open(path, 0644, pool_counter_names, POOL_COUNTERS, m->counters) < 0)
    strerr_warnwusys("open ", path);
  else
    m->counted = (void *)((uintptr_t)m->counters[0] & ~(uintptr_t)4095); /* the file is one page */
}

static void raise_limits(void)
{
  struct rlimit r;

  if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur == r.rlim_max) return;
  r.rlim_cur = r.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &r);
}

static int prepare(master *m, options const *o)
{
  static int const signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
  int fd;

  if (fd_ensure_open(0, 0) < 0 || fd_ensure_open(1, 1) < 0 || fd_ensure_open(2, 1) < 0)
    strerr_diefusys(111, "open /dev/null");
  if (o->notify) (void)coe((int)o->notify);
  tain_now_set_stopwatch_g();
  raise_limits();
  m->common = mmap(0, sizeof(shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (m->common == MAP_FAILED || ticket_init(&m->common->tickets) < 0)
    strerr_diefusys(111, "make ticket keys");
  fd = selfpipe_init();
  if (fd < 0) strerr_diefusys(111, "make the selfpipe");
  sig_ignore(SIGPIPE);
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
    if (!selfpipe_trap(signals[i])) strerr_diefusys(111, "trap signals");
  return fd;
}

/* --- the loop --- */

typedef struct state_s state;
struct state_s
{
  master m;
  int current; /* the generation that takes requests */
  int ending;
  unsigned int pause; /* seconds until a reload is tried again; 0: none is due */
  tain again;
  char const *socket;
};

#define PAUSE_MAX 64

/* What the system refuses may go tomorrow; what is wrong with the files, who mends them tells us. */
static void put_off(state *s)
{
  int again = s->m.failure != 102;

  if (!again || !s->pause)
    strerr_warnwu(RELOAD_KEPT "the certificates of before stay", again ? " until it can be done" : "");
  s->pause = !again ? 0 : !s->pause ? 1 : s->pause < PAUSE_MAX ? 2 * s->pause : PAUSE_MAX;
  tain_addsec_g(&s->again, (int)s->pause);
}

static void reload(state *s)
{
  int next;

  if (s->ending) return;
  s->m.again = s->pause > 0;
  next = generation_start(&s->m);
  if (next < 0)
  {
    put_off(s);
    return;
  }
  s->pause = 0;
  generation_end(&s->m, (unsigned int)s->current, 'r');
  s->current = next;
  strerr_warni(RELOAD_DONE);
}

static void end_all(state *s)
{
  if (s->ending) return;
  s->ending = 1;
  unlink(s->socket);
  for (unsigned int i = 0; i < POOLS_MAX; i++) generation_end(&s->m, i, 't');
}

/* Whoever supervises tlsd starts it again. Sessions that run go on meanwhile, within the drain time. */
static void give_up(state *s, char const *who)
{
  unlink(s->socket);
  strerr_dief(111, who, " of this service died");
}

static void reap(state *s)
{
  for (;;)
  {
    int status;
    int was_pool;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    int i = generation_reaped(&s->m, pid, &was_pool);
    if (i == s->current && !s->ending) give_up(s, was_pool ? "the pool" : "the keeper of the keys");
  }
}

static void hear_signals(state *s)
{
  for (;;) switch (selfpipe_read())
    {
      case SIGCHLD: reap(s); break;
      case SIGHUP: reload(s); break;
      case SIGTERM:
      case SIGINT: end_all(s); break;
      case -1: strerr_diefusys(111, "read the selfpipe");
      default: return;
    }
}

static int is_over(state const *s)
{
  for (unsigned int i = 0; i < POOLS_MAX; i++)
    if (s->m.list[i].pool) return 0;
  return 1;
}

static void loop(state *s, int signals)
{
  iopause_fd x = {.fd = signals, .events = IOPAUSE_READ};
  tain rotation;

  tain_addsec_g(&rotation, TICKET_SECONDS);
  while (!is_over(s))
  {
    tain const *deadline = s->pause && tain_less(&s->again, &rotation) ? &s->again : &rotation;
    if (iopause_g(&x, 1, deadline) < 0) strerr_diefusys(111, "wait for events");
    if (x.revents) hear_signals(s);
    if (s->pause && !tain_future(&s->again)) reload(s);
    if (tain_future(&rotation)) continue;
    if (ticket_rotate(&s->m.common->tickets) < 0) strerr_warnwusys("make a ticket key");
    tain_addsec_g(&rotation, TICKET_SECONDS);
  }
}

int main(int argc, char const *const *argv)
{
  static state s = {.current = -1};
  options o = {.notify = 0};
  int signals;

  PROG = "tlsd";
  if (argc == 2 && !strcmp(argv[1], "--help")) return help();
  if (argc == 2 && !strcmp(argv[1], "--version"))
    return puts("tlsd (mailctl) " VERSION) < 0 || fflush(stdout) ? 111 : 0;
  if (argc == 3 && !strcmp(argv[1], "--check")) return check_config(argv[2]);
  psname_init(argc, argv);
  parse(&o, &s.m, argc, argv);
  s.socket = o.socket;
  signals = prepare(&s.m, &o);
  open_counters(&s.m, o.counters);
  open_listener(&s.m, o.socket);
  s.current = generation_start(&s.m);
  if (s.current < 0)
  {
    unlink(o.socket);
    return s.m.failure ? s.m.failure : 111;
  }
  if (o.notify && ready_notify((int)o.notify) < 0) strerr_diefusys(111, "tell that tlsd is ready");
  loop(&s, signals);
  return 0;
}
