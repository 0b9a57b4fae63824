#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include <runlib/tcp/listener.h>

static socklen_t to_sockaddr(struct sockaddr_storage *sa, address const *a)
{
  struct sockaddr_in *in = (struct sockaddr_in *)sa;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)sa;

  memset(sa, 0, sizeof *sa);
  if (a->family == 4)
  {
    in->sin_family = AF_INET;
    in->sin_port = htons(a->port);
    memcpy(&in->sin_addr, a->ip, 4);
    return sizeof *in;
  }
  in6->sin6_family = AF_INET6;
  in6->sin6_port = htons(a->port);
  memcpy(&in6->sin6_addr, a->ip, 16);
  return sizeof *in6;
}

/* Where the socket is bound, as the kernel says. */
static int learn(listener *l)
{
  static unsigned char const zero[16] = {0};
  struct sockaddr_storage sa;
  socklen_t len = sizeof sa;

  if (getsockname(l->fd, (struct sockaddr *)&sa, &len) < 0 || endpoint_from(&l->local, &sa) < 0) return -1;
  l->any = !memcmp(l->local.ip, zero, l->local.family == 4 ? 4 : 16);
  return 0;
}

/* Accepted sockets inherit both: answers are not held back, and a vanished client is found out. */
static void set_for_connections(int fd)
{
  int one = 1;

  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
}

/* The held socket that is bound to this address; -1: there is none. */
static int take_held(held *h, struct sockaddr_storage const *sa, socklen_t len)
{
  struct sockaddr_storage there;

  for (unsigned int i = 0; i < h->n; i++)
  {
    socklen_t n = sizeof there;
    int fd = h->fds[i];
    memset(&there, 0, sizeof there);
    if (fd < 0 || getsockname(fd, (struct sockaddr *)&there, &n) < 0 || n != len || memcmp(&there, sa, len))
      continue;
    h->fds[i] = -1;
    return fd;
  }
  return -1;
}

static int listen_on(listener *l, address const *a, unsigned int backlog, held *h)
{
  struct sockaddr_storage sa;
  socklen_t len = to_sockaddr(&sa, a);
  int one = 1;
  int e;

  memset(l, 0, sizeof *l);
  memcpy(l->label, a->label, sizeof l->label);
  l->fd = take_held(h, &sa, len);
  if (l->fd >= 0) return listen(l->fd, (int)backlog) < 0 ? -1 : learn(l);
  l->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (l->fd < 0) return -1;
  set_for_connections(l->fd);
  if (setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
      (a->family == 4 || setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) == 0) &&
      bind(l->fd, (struct sockaddr *)&sa, len) == 0 && listen(l->fd, (int)backlog) == 0 && learn(l) == 0)
    return 0;
  e = errno;
  fd_close(l->fd);
  errno = e;
  return -1;
}

static int family_is_missing(void)
{
  return errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL || errno == EPROTONOSUPPORT;
}

/* With port 0 the second family takes the port that the kernel chose for the first. */
static unsigned int listen_on_both(listener *l, address a, unsigned int backlog, held *h)
{
  unsigned int n = 0;

  a.family = 4;
  if (listen_on(l, &a, backlog, h) == 0)
    a.port = l[n++].local.port;
  else if (!family_is_missing())
    return 0;
  a.family = 6;
  if (listen_on(l + n, &a, backlog, h) == 0) return n + 1;
  if (n && family_is_missing()) return n;
  if (n) fd_close(l[0].fd);
  return 0;
}

static char const *scan_inherited(char const *text, unsigned int *fd, address *a)
{
  size_t n = uint_scan(text + 3, fd);

  memset(a, 0, sizeof *a);
  if (!n || (text[3 + n] && text[3 + n] != '/')) return "not a descriptor (write fd:N or fd:N/label)";
  if (!text[3 + n]) return 0;
  /* The label's rules are address_scan's. */
  char whole[16 + ADDRESS_LABEL_MAX] = "*:1";
  if (strlen(text + 3 + n) >= sizeof whole - 3) return "a label of more than 31 characters";
  strcpy(whole + 3, text + 3 + n);
  return address_scan(whole, a);
}

static unsigned int inherit(listener *l, unsigned int fd, char const *label, char const **why)
{
  int listening = 0;
  socklen_t len = sizeof listening;

  memset(l, 0, sizeof *l);
  l->fd = (int)fd;
  memcpy(l->label, label, sizeof l->label);
  if (getsockopt(l->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0) return 0;
  if (!listening) return (*why = "the socket does not listen", 0);
  if (learn(l) < 0 || ndelay_on(l->fd) < 0 || coe(l->fd) < 0) return 0;
  set_for_connections(l->fd);
  return 1;
}

char const *listener_wrong(char const *text)
{
  unsigned int fd;
  address a;

  return strncmp(text, "fd:", 3) ? address_scan(text, &a) : scan_inherited(text, &fd, &a);
}

unsigned int listener_open(listener *l, char const *text, unsigned int backlog, held *h, char const **why)
{
  unsigned int fd;
  address a;

  if (!strncmp(text, "fd:", 3))
  {
    *why = scan_inherited(text, &fd, &a);
    return *why ? 0 : inherit(l, fd, a.label, why);
  }
  *why = address_scan(text, &a);
  if (*why) return 0;
  if (!a.family) return listen_on_both(l, a, backlog, h);
  return listen_on(l, &a, backlog, h) == 0;
}

int listener_accept(listener const *l, endpoint *local, endpoint *remote)
{
  struct sockaddr_storage sa;
  socklen_t len = sizeof sa;
  int fd;

  do fd = accept4(l->fd, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) return -1;
  *local = l->local;
  if (endpoint_from(remote, &sa) == 0)
  {
    len = sizeof sa;
    if (!l->any || (getsockname(fd, (struct sockaddr *)&sa, &len) == 0 && endpoint_from(local, &sa) == 0))
      return fd;
  }
  fd_close(fd);
  return (errno = EAGAIN, -1);
}
