#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/clock.h>
#include <runlib/run.h>

#define OUTPUT_MAX 65536

/* It dies with us, so that a command that is killed leaves nothing behind. */
static void run_become(char const *const *argv, int fd, int output)
{
  sigset_t none;

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  signal(SIGPIPE, SIG_DFL);
  if (dup2(fd, 0) < 0 || (output && (dup2(fd, 1) < 0 || dup2(fd, 2) < 0))) _exit(111);
  execvp(argv[0], (char *const *)argv);
  _exit(errno == ENOENT ? 127 : 126);
}

/* Reads what comes from fd until its end, or that of the program (pidfd; -1: it cannot be seen). 0, or -1 and errno. */
static int run_gather(int fd, int pidfd, stralloc *said, uint64_t deadline)
{
  char buf[4096];
  size_t len = 0;

  for (;;)
  {
    struct pollfd x[2] = {{.fd = fd, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
    uint64_t now = clock_ms();
    ssize_t n;

    if (now >= deadline) return (errno = ETIMEDOUT, -1);
    if (poll(x, 2, (int)(deadline - now)) <= 0) continue;
    if (!x[0].revents) return 0; /* what a child of its own still writes is nobody's business */
    n = read(fd, buf, sizeof buf);
    if (!n || (n < 0 && errno == ECONNRESET))
    {
      if (pidfd < 0 || x[1].revents) return 0;
      fd = -1; /* it has closed its output, and goes on */
    }
    else if (n > 0)
    {
      len += (size_t)n;
      if (len > OUTPUT_MAX) return (errno = EMSGSIZE, -1);
      if (said && !stralloc_catb(said, buf, (size_t)n)) return -1;
    }
    else if (errno != EINTR)
      return -1;
  }
}

int run_wait(char const *const *argv, char const *input, size_t n, stralloc *said, unsigned int ms)
{
  uint64_t deadline = clock_ms() + ms;
  int pair[2];
  int result = -1;
  int status = 0;
  int pidfd;
  pid_t pid;

  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return -1;
  pid = fork();
  if (!pid) run_become(argv, pair[1], said != 0);
  fd_close(pair[1]);
  if (pid > 0)
  {
    pidfd = pidfd_open(pid, 0);
    if (n && send(pair[0], input, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n && errno != EPIPE)
      errno = EMSGSIZE;
    else if (shutdown(pair[0], SHUT_WR) == 0)
      result = run_gather(pair[0], pidfd, said, deadline);
    if (result < 0) kill(pid, SIGKILL);
    int e = errno;
    waitpid_nointr(pid, &status, 0);
    if (pidfd >= 0) fd_close(pidfd);
    errno = e;
  }
  fd_close(pair[0]);
  if (result < 0) return -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return (errno = ENOENT, -1);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}
