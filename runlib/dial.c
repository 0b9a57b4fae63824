#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <skalibs/djbunix.h>

#include <runlib/address.h>
#include <runlib/clock.h>
#include <runlib/dial.h>

static socklen_t socket_address(char const *where, struct sockaddr_storage *to)
{
  struct sockaddr_un *un = (struct sockaddr_un *)to;
  struct sockaddr_in *in = (struct sockaddr_in *)to;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
  address a;

  memset(to, 0, sizeof *to);
  if (!strncmp(where, "unix:", 5))
  {
    un->sun_family = AF_UNIX;
    strncpy(un->sun_path, where + 5, sizeof un->sun_path - 1);
    return sizeof *un;
  }
  (void)address_scan(where + 5, &a);
  if (a.family == 6)
  {
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(a.port);
    memcpy(&in6->sin6_addr, a.ip, 16);
    return sizeof *in6;
  }
  in->sin_family = AF_INET;
  in->sin_port = htons(a.port);
  memcpy(&in->sin_addr, a.ip, 4);
  return sizeof *in;
}

int dial_open(char const *where, uint64_t deadline)
{
  struct sockaddr_storage to;
  socklen_t len = socket_address(where, &to), size = sizeof(int);
  int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), e = 0;

  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr *)&to, len) < 0)
  {
    e = errno;
    if (e == EINPROGRESS)
      e = clock_await(fd, POLLOUT, deadline) < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &size) < 0
              ? errno
              : e;
  }
  if (!e) return fd;
  fd_close(fd);
  errno = e;
  return -1;
}

int dial_send(int fd, char const *s, size_t len, uint64_t deadline)
{
  while (len)
  {
    ssize_t w = send(fd, s, len, MSG_NOSIGNAL);
    if (w < 0 && errno == EAGAIN && clock_await(fd, POLLOUT, deadline) < 0) return -1;
    if (w < 0 && errno != EAGAIN && errno != EINTR) return -1;
    if (w < 0) continue;
    s += w;
    len -= (size_t)w;
  }
  return 0;
}
