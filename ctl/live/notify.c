#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/fdpass.h>

#include <ctl/live/notify.h>

#define BARRIER_TIME 30000 /* ms that systemd may take to read what was said */

/* A socket to whom path names, or -1. */
static int call(char const *path)
{
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  size_t len = strlen(path);
  int fd;

  if (len >= sizeof to.sun_path) return (errno = ENAMETOOLONG, -1);
  memcpy(to.sun_path, path, len);
  if (*path == '@') to.sun_path[0] = 0;
  fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr const *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) ==
      0)
    return fd;
  fd_close(fd);
  return -1;
}

/*
 * systemd finds a message's unit by its sender's cgroup, and passes over what comes from a process that has
 * ended. So it is sent the end of a pipe too, which it closes once it has read all before (sd_notify_barrier(3)).
 */
static int await_reader(int fd)
{
  int p[2];
  int result;

  if (pipecoe(p) < 0) return -1;
  result = fdpass_send(fd, "BARRIER=1", 9, p + 1, 1);
  fd_close(p[1]);
  if (!result) (void)poll(&(struct pollfd){.fd = p[0]}, 1, BARRIER_TIME); /* POLLHUP needs no asking for */
  fd_close(p[0]);
  return result;
}

int notify_systemd(char const *status)
{
  char const *path = getenv("NOTIFY_SOCKET");
  char text[256];
  int result;
  int fd;

  if (!path || !*path) return 0;
  fd = call(path);
  if (fd < 0) return -1;
  snprintf(text, sizeof text, "READY=1\nSTATUS=%s\n", status);
  result = send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 ? -1 : await_reader(fd);
  fd_close(fd);
  return result;
}
