#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <runlib/clock.h>
#include <runlib/fdpass.h>
#include <runlib/handover.h>
#include <runlib/intake.h>

#define ANSWER 300000 /* ms */
#define ABSENT 10     /* seconds */
#define PAUSE  50     /* ms */

static int opens(char what)
{
  return what == HANDOVER_OPEN || what == HANDOVER_EDIT;
}

static int send_request(char const *path, char what, char const *name, int reply)
{
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  struct timeval const patience = {.tv_sec = ABSENT};
  char s[HANDOVER_REQUEST] = {what};
  int fd, e, result;

  if (strlen(path) >= sizeof to.sun_path) return (errno = ENAMETOOLONG, -1);
  strcpy(to.sun_path, path);
  if (!opens(what)) memcpy(s + 1, name, SPOOLNAME_FMT);
  fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  result =
      connect(fd, (struct sockaddr const *)&to, sizeof to) < 0 ? -1 : fdpass_send(fd, s, sizeof s, &reply, 1);
  e = errno;
  close(fd);
  errno = e;
  return result;
}

/* The answer to HANDOVER_OPEN has a descriptor always: the file, or, without one, any. Returns 1; 0, nobody answers; -1. */
static int receive(int reply, char what, handover_answer *a, int *fd)
{
  ssize_t r;

  if (clock_await(reply, POLLIN, clock_ms() + ANSWER) < 0) return -1;
  if (opens(what))
    r = fdpass_receive(reply, (char *)a, sizeof *a, fd, 1, 0);
  else
    r = recv(reply, a, sizeof *a, 0);
  if (r < 0) return errno == ECONNRESET ? 0 : -1;
  return r == sizeof *a;
}

/* Returns as receive. */
static int ask_once(char const *path, char what, char const *name, handover_answer *a, int *fd)
{
  int pair[2], e, result;

  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -1;
  result = send_request(path, what, name, pair[1]);
  e = errno;
  close(pair[1]);
  errno = e;
  if (result < 0)
    result = errno == ECONNREFUSED || errno == ENOENT || errno == ECONNRESET ? 0 : -1;
  else
  {
    a->code = a->error = 0;
    result = what == HANDOVER_ABORT ? 1 : receive(pair[0], what, a, fd);
  }
  e = errno;
  close(pair[0]);
  errno = e;
  return result;
}

int handover_ask(char const *path, char what, char name[SPOOLNAME_FMT], int *fd)
{
  struct timespec const pause = {.tv_nsec = PAUSE * 1000000};
  uint64_t deadline = clock_ms() + ABSENT * 1000;
  handover_answer a = {.code = 0};
  int r;

  while (!(r = ask_once(path, what, name, &a, fd)) && what != HANDOVER_ABORT)
  {
    if (clock_ms() > deadline) return (errno = ECONNREFUSED, INTAKE_SPOOL);
    nanosleep(&pause, 0);
  }
  if (r < 0) return errno == ENOENT ? INTAKE_SPOOL : INTAKE_CREATE;
  if (opens(what) && a.code)
    close(*fd);
  else if (opens(what))
    memcpy(name, a.name, SPOOLNAME_FMT), name[SPOOLNAME_FMT - 1] = 0;
  errno = a.error;
  return a.code;
}
