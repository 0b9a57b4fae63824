#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <skalibs/djbunix.h>

#include <ctl/notify.h>

int notify_systemd(char const *status)
{
  char const *path = getenv("NOTIFY_SOCKET");
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  char text[256];
  size_t len = path ? strlen(path) : 0;
  ssize_t sent;
  int fd;

  if (!len) return 0;
  if (len >= sizeof to.sun_path) return (errno = ENAMETOOLONG, -1);
  memcpy(to.sun_path, path, len);
  if (*path == '@') to.sun_path[0] = 0;
  snprintf(text, sizeof text, "READY=1\nSTATUS=%s\n", status);
  fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr const *)&to,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
  fd_close(fd);
  return sent < 0 ? -1 : 0;
}
