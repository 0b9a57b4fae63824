#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <skalibs/djbunix.h>
#include <skalibs/socket.h>

#include "listen.h"

#define BACKLOG 1024

static int give(server *s, int fd, unsigned int may)
{
  int e;

  if (ipc_listen(fd, BACKLOG) >= 0 && server_listen(s, fd, may) >= 0) return 0;
  e = errno;
  fd_close(fd);
  errno = e;
  return -1;
}

static int somebody_listens(char const *path)
{
  int fd = ipc_stream_nbcoe();
  int r;

  if (fd < 0) return 0;
  r = ipc_connect(fd, path) || errno == EAGAIN;
  fd_close(fd);
  return r;
}

int listen_unix(server *s, char const *path, unsigned int mode, unsigned int may)
{
  int fd, bound;
  mode_t mask;

  if (somebody_listens(path))
  {
    errno = EADDRINUSE;
    return -1;
  }
  fd = ipc_stream_nbcoe();
  if (fd < 0) return -1;
  mask = umask(~(mode_t)mode & 0777);
  bound = ipc_bind_reuse(fd, path);
  umask(mask);
  if (bound >= 0) return give(s, fd, may);
  fd_close(fd);
  return -1;
}

int listen_inherited(server *s, int fd)
{
  struct sockaddr_storage sa;
  socklen_t len = sizeof sa;

  if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0) return -1;
  if (sa.ss_family != AF_UNIX)
  {
    errno = EAFNOSUPPORT;
    return -1;
  }
  if (ndelay_on(fd) < 0 || coe(fd) < 0) return -1;
  return give(s, fd, 0);
}
