#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/selfpipe.h>

#include <runlib/fdpass.h>
#include <runlib/tcp/standby.h>

/*
 * At the door (SOCK_SEQPACKET) a caller says one byte, TAKE or CLOSE. TAKE is answered with a message for each
 * descriptor, HELD, and DOOR last; the caller says SETTLED. Between the two processes there is LEAVE alone.
 */
#define TAKE    't'
#define CLOSE   'c'
#define HELD    'h'
#define DOOR    'd'
#define SETTLED 's'
#define LEAVE   'l'

#define PATIENCE    5000  /* ms that the other side of a message may take, and the first to end */
#define SETTLE_TIME 60000 /* and a successor to be ready */
#define BACKLOG     16

/* Whether fd has something, or has ended, within ms. */
static int await(int fd, int ms)
{
  struct pollfd x = {.fd = fd, .events = POLLIN};
  int r;

  do r = poll(&x, 1, ms);
  while (r < 0 && errno == EINTR);
  return r > 0;
}

static int tell(int fd, char what)
{
  return send(fd, &what, 1, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

/* What is said within ms; 0: nothing, or that is the end. */
static char hear(int fd, int ms)
{
  char what;

  return await(fd, ms) && recv(fd, &what, 1, MSG_DONTWAIT) == 1 ? what : 0;
}

static int name_of(struct sockaddr_un *sa, char const *path)
{
  memset(sa, 0, sizeof *sa);
  sa->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof sa->sun_path) return (errno = ENAMETOOLONG, -1);
  strcpy(sa->sun_path, path);
  return 0;
}

/* A connection to whoever is at the door; -1 and errno: ECONNREFUSED or ENOENT, nobody. */
static int knock(char const *path)
{
  struct sockaddr_un sa;
  int fd, e;

  if (name_of(&sa, path) < 0) return -1;
  fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0) return fd;
  e = errno;
  fd_close(fd);
  errno = e;
  return -1;
}

/* Not even for a moment may others come in. */
static int make_door(char const *path)
{
  struct sockaddr_un sa;
  mode_t mask;
  int fd, r;

  if (name_of(&sa, path) < 0) return -1;
  fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  (void)unlink(path);
  mask = umask(0177);
  r = bind(fd, (struct sockaddr *)&sa, sizeof sa);
  umask(mask);
  if (r == 0 && listen(fd, BACKLOG) == 0) return fd;
  r = errno;
  fd_close(fd);
  errno = r;
  return -1;
}

static int receive(standby *s, int caller, int *fds)
{
  int n = 0;

  for (;;)
  {
    char what;
    int fd;
    if (!await(caller, 2 * PATIENCE)) return (errno = ETIMEDOUT, -1);
    if (fdpass_receive(caller, &what, 1, &fd, 1, 0) <= 0) return (errno = EPROTO, -1);
    if (what == DOOR)
    {
      s->door = fd;
      return n;
    }
    if (n == STANDBY_MAX - 1) return (errno = EPROTO, -1);
    fds[n++] = fd;
  }
}

int standby_take(standby *s, char const *path, int *fds, int *caller)
{
  s->uid = geteuid();
  *caller = knock(path);
  if (*caller >= 0) return tell(*caller, TAKE) < 0 ? -1 : receive(s, *caller, fds);
  if (errno != ENOENT && errno != ECONNREFUSED) return -1;
  s->door = make_door(path);
  return s->door < 0 ? -1 : 0;
}

void standby_settled(int caller)
{
  if (caller < 0) return;
  (void)tell(caller, SETTLED);
  fd_close(caller);
}

int standby_close(char const *path, int ms)
{
  int fd = knock(path);
  int r = 0;

  if (fd < 0) return errno == ENOENT || errno == ECONNREFUSED ? 0 : -1;
  if (tell(fd, CLOSE) == 0 && !await(fd, ms)) r = (errno = ETIMEDOUT, -1);
  int e = errno;
  fd_close(fd);
  errno = e;
  return r;
}

/* --- the one that stands by ---------------------------------------------------------------------- */

/* The first is told to leave; killed, if it does not. Its sockets are ours alone afterwards. */
static void dismiss(standby *s)
{
  if (s->pair < 0) return;
  (void)tell(s->pair, LEAVE);
  if (!await(s->pair, PATIENCE) && getppid() == s->pid) kill(s->pid, SIGKILL);
  (void)await(s->pair, PATIENCE);
  fd_close(s->pair);
  s->pair = -1;
}

static int admit(standby const *s)
{
  struct ucred who;
  socklen_t len = sizeof who;
  int fd = accept4(s->door, 0, 0, SOCK_CLOEXEC);

  if (fd < 0) return -1;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && (!who.uid || who.uid == s->uid)) return fd;
  fd_close(fd);
  return -1;
}

/* Returns 1 once the successor has all, and a standby. */
static int hand_over(standby const *s, int caller, int const *fds, unsigned int n)
{
  char what = HELD;

  for (unsigned int i = 0; i < n; i++)
    if (fdpass_send(caller, &what, 1, fds + i, 1) < 0) return 0;
  what = DOOR;
  return fdpass_send(caller, &what, 1, &s->door, 1) == 0 && hear(caller, SETTLE_TIME) == SETTLED;
}

int standby_answer(standby *s, int const *fds, unsigned int n)
{
  int caller = admit(s);
  char what = caller < 0 ? 0 : hear(caller, PATIENCE);
  int done = 0;

  if (what == TAKE || what == CLOSE) dismiss(s);
  if (what == TAKE) done = hand_over(s, caller, fds, n);
  if (what == CLOSE)
    s->caller = caller; /* an earlier one stays open, too, until we end */
  else if (caller >= 0)
    fd_close(caller);
  return done;
}

/* Whether nobody can come to the door any more: its name is gone, with the directory of all that is up. */
static int door_is_lost(standby const *s)
{
  struct sockaddr_un sa;
  socklen_t len = sizeof sa;

  memset(&sa, 0, sizeof sa);
  return getsockname(s->door, (struct sockaddr *)&sa, &len) == 0 && access(sa.sun_path, F_OK) < 0 &&
         (errno == ENOENT || errno == ENOTDIR);
}

static standby_role stand_by(standby *s, int const *fds, unsigned int n)
{
  for (;;)
  {
    struct pollfd x[2] = {{.fd = s->door, .events = POLLIN}, {.fd = s->pair, .events = POLLIN}};
    if (poll(x, 2, -1) < 0) continue;
    if (x[0].revents)
    {
      if (standby_answer(s, fds, n)) _exit(0);
      if (s->caller >= 0) return STANDBY_DRAIN;
      if (s->pair < 0) return STANDBY_SECOND; /* a successor came to nothing */
    }
    else if (x[1].revents)
    {
      fd_close(s->pair);
      s->pair = -1;
      return door_is_lost(s) ? STANDBY_DRAIN : STANDBY_SECOND;
    }
  }
}

static standby_role become_standby(standby *s, int const *fds, unsigned int n)
{
  standby_role role;

  s->pid = getppid();
  if (s->forked) (*s->forked)(s->data);
  selfpipe_finish();
  signal(SIGHUP, SIG_IGN);
  (void)prctl(PR_SET_NAME, "standby");
  role = stand_by(s, fds, n);
  s->pid = 0;
  (void)prctl(PR_SET_NAME, role == STANDBY_DRAIN ? "draining" : "listener");
  return role;
}

standby_role standby_begin(standby *s, int const *fds, unsigned int n)
{
  int p[2];
  pid_t pid;

  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0) return STANDBY_FAILED;
  pid = fork();
  fd_close(p[pid ? 1 : 0]);
  if (pid < 0)
  {
    fd_close(p[0]);
    return STANDBY_FAILED;
  }
  s->pair = p[pid ? 0 : 1];
  s->pid = pid;
  return pid ? STANDBY_FIRST : become_standby(s, fds, n);
}

int standby_dismissed(standby *s)
{
  if (hear(s->pair, 0) == LEAVE) return 1;
  fd_close(s->pair);
  s->pair = -1;
  s->pid = 0;
  return 0;
}
