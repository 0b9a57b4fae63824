#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <runlib/envelope.h>
#include <runlib/fdpass.h>
#include <runlib/handover.h>
#include <runlib/intake.h>
#include <runlib/ready.h>

#include <services/spool/admit.h>

#define USAGE "spool-intake [-d FD] [-c CONTROL] SPOOL SOCKET ..."

static char const help[] =
    "usage: " USAGE "\n"
    "Queues in SPOOL for users who may not enter it. Each SOCKET is the number of a descriptor,\n"
    "a bound unix datagram socket.\n"
    "  -d FD       write a newline to FD when ready\n"
    "  -c CONTROL  the directory of qmail control files, for databytes (control)\n"
    "See spool-intake(8).\n";

#define SOCKETS 16
#define CLOSING 20000 /* us that a descriptor may take to be closed */

static sig_atomic_t volatile stopped;

static int open_directory(char const *path, char const *name)
{
  int fd, at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (at < 0) strerr_diefusys(111, "open ", path);
  if (mkdirat(at, name, 0700) < 0 && errno != EEXIST) strerr_diefusys(111, "make ", path, "/", name);
  fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) strerr_diefusys(111, "open ", path, "/", name);
  fd_close(at);
  return fd;
}

/* A message may be as long as smtpd takes one, and what is put before and behind it as long as an envelope. */
static uint64_t limit(char const *control)
{
  char text[UINT64_FMT + 1] = "";
  uint64_t n = INTAKE_MESSAGE;
  int at = open(control, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int fd = at < 0 ? -1 : openat(at, "databytes", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

  if (fd >= 0 && fd_read(fd, text, sizeof text - 1) > 0) (void)uint64_scan(text, &n);
  if (fd >= 0) fd_close(fd);
  if (at >= 0) fd_close(at);
  return n && n < UINT64_MAX / 2 ? n + 2ull * ENVELOPE_MAX : 0;
}

/* An answer goes to one end of a pair of sockets, and to nothing else that somebody may have sent. */
static int is_ours(int fd)
{
  int domain = -1, type = -1;
  socklen_t n = sizeof domain, m = sizeof type;

  return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) && domain == AF_UNIX &&
         !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &m) && type == SOCK_SEQPACKET;
}

static void take(admit *a, int fd)
{
  char s[HANDOVER_REQUEST];
  int reply;

  while (a->n < ADMIT_BATCH)
  {
    ssize_t r = fdpass_receive(fd, s, sizeof s, &reply, 1, MSG_DONTWAIT);
    if (r > 0 && !is_ours(reply))
      fd_close(reply);
    else if (r > 0)
    {
      ndelay_on(reply);
      admit_request(a, s, (size_t)r, reply);
    }
    else if (errno != EPROTO)
      return;
  }
}

/*
 * Some descriptors take long to be closed, for as long as who sent them likes: a socket that lingers, or one in whose
 * queue there is such a one. A signal ends that, soon after it began.
 */
static void limit_closing(int on)
{
  struct itimerval const t = {.it_interval = {.tv_usec = on * CLOSING},
                              .it_value = {.tv_usec = on * CLOSING}};

  setitimer(ITIMER_REAL, &t, 0);
}

static void on_alarm(int sig)
{
  (void)sig;
}

static void on_term(int sig)
{
  (void)sig;
  stopped = 1;
}

/* Until TERM, which comes between two batches only: what was taken is answered. */
static void serve(admit *a, char const *control, int const *fds, unsigned int n)
{
  struct sigaction const act = {.sa_handler = on_term}, alarmed = {.sa_handler = on_alarm};
  struct pollfd x[SOCKETS];
  sigset_t term, before;

  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, &before);
  sigdelset(&before, SIGTERM);
  sigaction(SIGTERM, &act, 0);
  sigaction(SIGALRM, &alarmed, 0);
  for (unsigned int i = 0; i < n; i++) x[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
  while (!stopped)
  {
    int r = ppoll(x, n, 0, &before);
    if (r < 0 && errno != EINTR) strerr_diefusys(111, "wait");
    if (r <= 0) continue;
    a->most = limit(control);
    limit_closing(1);
    for (unsigned int i = 0; i < n; i++)
      if (x[i].revents) take(a, fds[i]);
    admit_flush(a);
    limit_closing(0);
  }
}

static unsigned int descriptor(char const *s)
{
  unsigned int fd;

  if (!uint0_scan(s, &fd) || fd > 1000000) strerr_dief(100, "not a descriptor: ", s);
  if (fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0) strerr_diefusys(100, "use the descriptor ", s);
  return fd;
}

int main(int argc, char const *const *argv)
{
  static admit a;
  subgetopt l = SUBGETOPT_ZERO;
  char const *control = "control";
  int fds[SOCKETS];
  unsigned int n = 0, ready = 0;

  PROG = "spool-intake";
  if (argc > 1 && !strcmp(argv[1], "--help")) return fputs(help, stdout) < 0 || fflush(stdout) ? 111 : 0;
  if (argc > 1 && !strcmp(argv[1], "--version"))
    return puts("spool-intake (mailctl) " VERSION) < 0 || fflush(stdout) ? 111 : 0;
  for (int opt; (opt = subgetopt_r(argc, argv, "d:c:", &l)) != -1;) switch (opt)
    {
      case 'd': ready = descriptor(l.arg); break;
      case 'c': control = l.arg; break;
      default: strerr_dieusage(100, USAGE);
    }
  argv += l.ind;
  argc -= l.ind;
  if (argc < 2 || argc > SOCKETS) strerr_dieusage(100, USAGE);
  for (n = 0; argv[n + 1]; n++) fds[n] = (int)descriptor(argv[n + 1]);
  umask(077);
  a.path = argv[0];
  a.tmp = open_directory(a.path, "tmp");
  a.todo = open_directory(a.path, "todo");
  a.held = open_directory(a.path, "held");
  if (admit_probe(&a) < 0)
    strerr_diefusys(
        111, "prove that a file in ", a.path,
        "/tmp is closed (give the spool a local file system, or [spool] and [smtpd] the same user)");
  if (ready_notify((int)ready) < 0) strerr_warnwusys("say that it is ready");
  serve(&a, control, fds, n);
  return 0;
}
