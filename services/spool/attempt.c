#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/envelope.h>
#include <runlib/remoterequest.h>

#include <services/spool/attempt.h>
#include <services/spool/handoff.h>

_Static_assert(ATTEMPT_RECIPIENTS <= REMOTE_REQUEST_RECIPIENTS, "remote takes them all");

/* The next recipient at host that goes out still. */
static int next_at(message const *m, char const *host, size_t *pos, recipient *r)
{
  char at[256];

  while (envelope_next(m->envelope.s, m->envelope.len, pos, r))
    if (m->envelope.s[r->mark] == ENVELOPE_REMOTE && !host_of(r->address, at) && !strcmp(at, host)) return 1;
  return 0;
}

static unsigned int gather(attempt *a, char const *host)
{
  size_t pos = 0;
  recipient r;

  for (a->n = 0; a->n < ATTEMPT_RECIPIENTS && next_at(&a->m, host, &pos, &r); a->n++)
  {
    a->marks[a->n] = r.mark;
    a->to[a->n] = r.address;
  }
  return a->n;
}

int attempt_left(attempt const *a, char const *host)
{
  size_t pos = 0;
  recipient r;

  return next_at(&a->m, host, &pos, &r);
}

/* The message's descriptor is for reading alone: what remote gets cannot be used to change it. */
static int send_request(attempt *a, int directory, char const *name, char const *host)
{
  remote_request r = {.len = a->m.len, .host = host, .sender = envelope_sender(a->m.envelope.s), .n = a->n};
  int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), result;

  if (fd < 0) return -1;
  memcpy(r.recipients, a->to, a->n * sizeof a->to[0]);
  result = remote_request_send(a->fd, fd, &r);
  fd_close(fd);
  return result;
}

/* The socket does not block while it is connected to: nobody waits behind a queue that is full. */
static int connect_to(char const *path)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  int fd;

  if (strlen(path) >= sizeof sa.sun_path) return (errno = ENAMETOOLONG, -1);
  strcpy(sa.sun_path, path);
  fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (!connect(fd, (struct sockaddr *)&sa, sizeof sa) && ndelay_off(fd) == 0) return fd;
  if (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN) errno = EHOSTDOWN;
  fd_close(fd);
  return -1;
}

int attempt_begin(attempt *a, int directory, char const *name, char const *host, char const *socket)
{
  static message const none = MESSAGE_ZERO;
  int e;

  a->m = none;
  a->fd = -1;
  a->report.len = 0;
  if (message_open(&a->m, directory, name) < 0) return errno == ENOENT ? 0 : -1;
  if (gather(a, host))
  {
    a->fd = connect_to(socket);
    if (a->fd >= 0 && send_request(a, directory, name, host) == 0 && ndelay_on(a->fd) == 0) return 1;
    e = errno;
    attempt_end(a);
    errno = e;
    return -1;
  }
  attempt_end(a);
  return 0;
}

int attempt_read(attempt *a)
{
  ssize_t n;

  if (!stralloc_readyplus(&a->report, 4096)) return 1;
  n = read(a->fd, a->report.s + a->report.len, 4096);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (n > 0) a->report.len += (size_t)n;
  return n <= 0 || a->report.len > ATTEMPT_REPORT_MAX;
}

void attempt_end(attempt *a)
{
  if (a->fd >= 0) fd_close(a->fd);
  a->fd = -1;
  message_close(&a->m);
  a->parcel = SCHEDULE_NONE;
}
