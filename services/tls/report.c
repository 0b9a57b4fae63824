#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>

#include "report-internal.h"

/* mailctl links no TLS library: the daemon itself looks at the certificates. */

#define CHECK_MS   10000
#define OUTPUT_MAX 65536

extern char **environ;

static int64_t now_ms(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A socketpair serves as the program's stdin and stdout: one descriptor to feed and to read. */
static pid_t start(char const *program, int fd)
{
  char *const argv[] = {(char *)program, (char *)"--check", (char *)"-", 0};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  pid_t pid = -1;
  int e;

  sigemptyset(&none);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  posix_spawn_file_actions_adddup2(&actions, fd, 0);
  posix_spawn_file_actions_adddup2(&actions, fd, 1);
  e = posix_spawn(&pid, program, &actions, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return e ? (errno = e, -1) : pid;
}

/* Reads until the end of file. Returns 0, or -1: too much, or too late. */
static int gather(int fd, stralloc *said)
{
  int64_t deadline = now_ms() + CHECK_MS;
  char buf[4096];

  for (;;)
  {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t left = deadline - now_ms();
    if (left <= 0) return (errno = ETIMEDOUT, -1);
    if (poll(&p, 1, (int)left) <= 0) continue;
    ssize_t n = read(fd, buf, sizeof buf);
    if (!n) return 0;
    if (n < 0 && errno != EINTR) return errno == ECONNRESET ? 0 : -1;
    if (n > 0 && (said->len > OUTPUT_MAX || !stralloc_catb(said, buf, (size_t)n))) return -1;
  }
}

static int converse(char const *program, char const *config, size_t n, stralloc *said)
{
  int pair[2];
  int status = 0;
  int result = -1;
  pid_t pid;

  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return -1;
  pid = start(program, pair[1]);
  fd_close(pair[1]);
  if (pid > 0)
  {
    if (send(pair[0], config, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n &&
        shutdown(pair[0], SHUT_WR) == 0)
      result = gather(pair[0], said);
    int e = errno;
    if (result < 0) kill(pid, SIGKILL);
    waitpid_nointr(pid, &status, 0);
    errno = e;
  }
  fd_close(pair[0]);
  if (!result && (!WIFEXITED(status) || WEXITSTATUS(status) > 1)) return (errno = EPROTO, -1);
  return result;
}

static void add_line(section const *s, char const *line, report *r)
{
  static char const error[] = "error: ";
  static char const warning[] = "warning: ";

  if (!strncmp(line, error, sizeof error - 1))
    report_error(r, s, "certificate", "%s", line + sizeof error - 1);
  else if (!strncmp(line, warning, sizeof warning - 1))
    report_warning(r, s, "certificate", "%s", line + sizeof warning - 1);
}

void check_report(section const *s, char const *program, char const *config, size_t n, report *r)
{
  stralloc said = STRALLOC_ZERO;

  if (converse(program, config, n, &said) < 0 || !stralloc_0(&said))
    report_error(r, s, 0, "unable to check the certificates with %s: %s", program, strerror(errno));
  else
    for (char *line = said.s, *end; (end = strchr(line, '\n')); line = end + 1)
    {
      *end = 0;
      add_line(s, line, r);
    }
  stralloc_free(&said);
}
