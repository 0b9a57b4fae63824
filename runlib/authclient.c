#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/authclient.h>
#include <runlib/clock.h>

/* Returns the request's length, 0 if it cannot be one. */
static size_t make_request(char request[AUTH_REQUEST_MAX], char const *user, char const *password)
{
  size_t u = strlen(user) + 1;
  size_t p = strlen(password) + 1;

  if (u == 1 || p == 1 || u >= AUTH_REQUEST_MAX || p >= AUTH_REQUEST_MAX || u + p + 1 > AUTH_REQUEST_MAX)
    return 0;
  memcpy(request, user, u);
  memcpy(request + u, password, p);
  request[u + p] = 0;
  return u + p + 1;
}

static int connect_in_time(char const *path, unsigned int timeout_ms)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  /* A blocking connect to a unix socket whose backlog is full waits as long as SO_SNDTIMEO says; 0 is for ever. */
  struct timeval tv = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 + 1};
  int fd;

  if (strlen(path) >= sizeof sa.sun_path) return (errno = ENAMETOOLONG, -1);
  strcpy(sa.sun_path, path);
  fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) == 0 &&
      connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0)
    return fd;
  fd_close(fd);
  if (errno == EAGAIN) errno = ETIMEDOUT;
  return -1;
}

/* An exit code that is no answer is a failure of the program: nobody may be refused, or let in, for it. */
static int verdict(char const *reply, size_t len)
{
  if (len == 2 && reply[1] == '\n' && reply[0] == '0') return AUTH_GOOD;
  if (len == 2 && reply[1] == '\n' && reply[0] == '1') return AUTH_REFUSED;
  errno = EPROTO;
  return AUTH_TEMPORARY;
}

static int read_verdict(int fd, uint64_t deadline)
{
  char reply[16];
  size_t len = 0;

  for (;;)
  {
    ssize_t r;

    if (clock_await(fd, POLLIN, deadline) < 0) return AUTH_TEMPORARY;
    r = recv(fd, reply + len, sizeof reply - len, MSG_DONTWAIT);
    if (r < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (r < 0) return AUTH_TEMPORARY;
    len += (size_t)r;
    if (!r || len == sizeof reply) return verdict(reply, len);
  }
}

static int ask(int fd, char const *request, size_t len, uint64_t deadline)
{
  ssize_t sent;

  do sent = send(fd, request, len, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent != (ssize_t)len || shutdown(fd, SHUT_WR) < 0) return AUTH_TEMPORARY;
  return read_verdict(fd, deadline);
}

int auth_check(char const *path, char const *user, char const *password, unsigned int timeout_ms)
{
  uint64_t deadline = clock_ms() + timeout_ms;
  char request[AUTH_REQUEST_MAX];
  size_t len = make_request(request, user, password);
  int result = AUTH_TEMPORARY;
  int fd;

  if (!len) return AUTH_REFUSED;
  fd = connect_in_time(path, timeout_ms);
  if (fd >= 0)
  {
    result = ask(fd, request, len, deadline);
    int e = errno;
    fd_close(fd);
    errno = e;
  }
  explicit_bzero(request, sizeof request);
  return result;
}

static void become(char const *const *argv, int request)
{
  int null = -1;

  setpgid(0, 0);
  if (request == 3)
    fcntl(3, F_SETFD, 0);
  else if (dup2(request, 3) < 0)
    _exit(111);
  null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || (null ? dup2(null, 0) < 0 : fcntl(0, F_SETFD, 0) < 0) || dup2(2, 1) < 0) _exit(111);
  for (int sig = 1; sig < 32; sig++) signal(sig, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  execvp(argv[0], (char *const *)argv);
  _exit(111);
}

/* Waits for the process's end, which is left to be reaped. 0, or -1 and errno (ETIMEDOUT). */
static int wait_end(pid_t pid, uint64_t deadline)
{
  siginfo_t info;
  int fd = pidfd_open(pid, 0);
  int result;

  if (fd >= 0)
  {
    result = clock_await(fd, POLLIN, deadline);
    int e = errno;
    fd_close(fd);
    errno = e;
    return result;
  }
  /* A kernel, or a valgrind, that has no pidfds. */
  for (;;)
  {
    info.si_pid = 0;
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno != EINTR) return -1;
    if (info.si_pid) return 0;
    if (clock_ms() >= deadline) return (errno = ETIMEDOUT, -1);
    poll(0, 0, 5);
  }
}

static int reap(pid_t pid, uint64_t deadline)
{
  int late = wait_end(pid, deadline) < 0 ? errno : 0;
  int status;

  if (late)
  {
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
  }
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return AUTH_TEMPORARY;
  if (!late && WIFEXITED(status) && WEXITSTATUS(status) == 0) return AUTH_GOOD;
  if (!late && WIFEXITED(status) && WEXITSTATUS(status) == 1) return AUTH_REFUSED;
  errno = late ? late : EPROTO;
  return AUTH_TEMPORARY;
}

/* The request lies in the pipe before the program starts: no write that could block or raise SIGPIPE. */
static int request_pipe(char const *user, char const *password)
{
  char request[AUTH_REQUEST_MAX];
  size_t len = make_request(request, user, password);
  int p[2];

  if (!len) return -1;
  if (pipe2(p, O_CLOEXEC) < 0) return -2;
  if (write(p[1], request, len) != (ssize_t)len)
  {
    fd_close(p[0]);
    p[0] = -2;
  }
  explicit_bzero(request, sizeof request);
  fd_close(p[1]);
  return p[0];
}

int auth_run(char const *const *argv, char const *user, char const *password, unsigned int timeout_ms)
{
  uint64_t deadline = clock_ms() + timeout_ms;
  int fd = request_pipe(user, password);
  pid_t pid;

  if (fd < 0) return fd == -1 ? AUTH_REFUSED : AUTH_TEMPORARY;
  pid = fork();
  if (!pid) become(argv, fd);
  int e = errno;
  fd_close(fd);
  errno = e;
  return pid < 0 ? AUTH_TEMPORARY : reap(pid, deadline);
}
