#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <runlib/fdpass.h>

typedef union control_u control;
union control_u
{
  struct cmsghdr align;
  char space[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
};

int fdpass_send(int fd, char const *s, size_t n, int const *fds, unsigned int nfds)
{
  control ctl;
  struct iovec v = {.iov_base = (char *)s, .iov_len = n};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl.space};
  struct cmsghdr *c;
  ssize_t r;

  memset(&ctl, 0, sizeof ctl);
  m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
  c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
  memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
  do r = sendmsg(fd, &m, MSG_NOSIGNAL);
  while (r < 0 && errno == EINTR);
  return r == (ssize_t)n ? 0 : -1;
}

/* How many descriptors came, at most FDPASS_MAX by the size of the control buffer. */
static unsigned int take_fds(struct msghdr *m, int got[FDPASS_MAX])
{
  unsigned int n = 0;

  for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
  {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    size_t k = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < k && n < FDPASS_MAX; i++)
      memcpy(got + n++, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
  }
  return n;
}

ssize_t fdpass_receive(int fd, char *s, size_t max, int *fds, unsigned int nfds, int flags)
{
  control ctl;
  struct iovec v = {.iov_base = s, .iov_len = max};
  struct msghdr m = {
      .msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl.space, .msg_controllen = sizeof ctl.space};
  int got[FDPASS_MAX];
  ssize_t r = recvmsg(fd, &m, flags | MSG_CMSG_CLOEXEC);
  unsigned int n;

  if (r < 0) return -1;
  n = take_fds(&m, got);
  if (n == nfds && !(m.msg_flags & (MSG_CTRUNC | MSG_TRUNC)))
  {
    memcpy(fds, got, nfds * sizeof(int));
    return r;
  }
  while (n) close(got[--n]);
  if (!r && !(m.msg_flags & (MSG_CTRUNC | MSG_TRUNC))) return 0;
  errno = EPROTO;
  return -1;
}
