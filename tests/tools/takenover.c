#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <runlib/intake.h>

#include <services/smtpd/listen.h>
#include <services/smtpd/serve.h>

/*
 * smtpd as it is once a session is taken over: everything is smtpd's, but for what a session does. Its client sends lines
 * `WHAT [ARGUMENT]`; each is tried, and answered by `ok`, or by the reason why it could not be done.
 */
char const *PROG = "smtpd";

static int read_all(char const *path)
{
  char buf[64];
  int fd = open(path, O_RDONLY | O_NONBLOCK);
  return fd < 0 || read(fd, buf, sizeof buf) < 0 ? -1 : 0;
}

static int list(char const *path)
{
  char buf[1024];
  int fd = open(path, O_RDONLY | O_DIRECTORY);
  return fd < 0 ? -1 : (int)getdents64(fd, buf, sizeof buf);
}

static int join(char const *path)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);

  snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
  if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0 || errno != EPROTOTYPE)
    return fd < 0 || errno ? -1 : 0;
  close(fd);
  fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  return connect(fd, (struct sockaddr *)&sa, sizeof sa);
}

static int start(void)
{
  pid_t pid = fork();
  if (!pid) _exit(0);
  return pid < 0 ? -1 : 0;
}

static int executable(void)
{
  return mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

/* How many descriptors beyond the connection and the log it was born with. */
static int open_descriptors(void)
{
  for (int fd = 3; fd < 1024; fd++)
    if (fcntl(fd, F_GETFD) >= 0) return 0;
  return (errno = EBADF, -1);
}

/* A file of spool-intake's, or of the spool, into which it writes behind so many bytes. */
static int fill(char const *bytes)
{
  static intake q;

  if (intake_open(&q, getenv("SPOOL")) < 0) return -1;
  return pwrite(q.fd, "x", 1, atoll(bytes)) == 1 ? 0 : -1;
}

static int linger(void)
{
  struct linger l = {.l_onoff = 1, .l_linger = 1000};
  return setsockopt(0, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

static int attempt(char const *what, char const *argument)
{
  int n = atoi(argument);

  errno = 0;
  if (!strcmp(what, "read")) return read_all(argument);
  if (!strcmp(what, "write")) return open(argument, O_WRONLY);
  if (!strcmp(what, "truncate")) return truncate(argument, 0);
  if (!strcmp(what, "make")) return open(argument, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!strcmp(what, "remove")) return unlink(argument);
  if (!strcmp(what, "list")) return list(argument);
  if (!strcmp(what, "chmod")) return chmod(argument, 0777);
  if (!strcmp(what, "connect")) return join(argument);
  if (!strcmp(what, "inet")) return socket(AF_INET, SOCK_STREAM, 0);
  if (!strcmp(what, "fork")) return start();
  if (!strcmp(what, "exec")) return execl("/bin/true", "true", (char *)0);
  if (!strcmp(what, "kill")) return kill(n, 0);
  if (!strcmp(what, "trace")) return (int)ptrace(PTRACE_SEIZE, n, 0, 0);
  if (!strcmp(what, "root")) return setuid(0);
  if (!strcmp(what, "executable")) return executable();
  if (!strcmp(what, "fill")) return fill(argument);
  if (!strcmp(what, "linger")) return linger();
  if (!strcmp(what, "descriptors")) return open_descriptors();
  return (errno = ENOSYS, -1);
}

int serve(options *o, control const *c, char const *file, host *w, place_mark *mark, int hurried)
{
  char line[512], answer[128];
  FILE *in = fdopen(0, "r");

  (void)o, (void)c, (void)file, (void)w, (void)mark, (void)hurried;
  while (in && fgets(line, sizeof line, in))
  {
    char *argument = strchr(line, ' ');
    line[strcspn(line, "\r\n")] = 0;
    if (argument) *argument++ = 0;
    int n = attempt(line, argument ? argument : "") < 0
                ? snprintf(answer, sizeof answer, "%s\n", strerrorname_np(errno))
                : snprintf(answer, sizeof answer, "ok\n");
    if (write(1, answer, (size_t)n) < 0) return 1;
  }
  return 0;
}

int main(int argc, char const *const *argv)
{
  return argc > 1 ? listen_main(argc - 1, argv + 1) : 100;
}
