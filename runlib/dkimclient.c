#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/uint64.h>

#include <runlib/dkimclient.h>
#include <runlib/fdpass.h>

static int connect_to(char const *path)
{
  struct timeval const most = {.tv_sec = DKIM_SECONDS};
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  int fd;

  if (strlen(path) >= sizeof sa.sun_path) return (errno = ENAMETOOLONG, -1);
  strcpy(sa.sun_path, path);
  fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most) &&
      !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most) &&
      !connect(fd, (struct sockaddr *)&sa, sizeof sa))
    return fd;
  fd_close(fd);
  return -1;
}

int dkim_ask(char const *socket, int fd, uint64_t len, stralloc *answer)
{
  int to = connect_to(socket), result = -1;
  char request[8];
  char *s;

  answer->len = 0;
  if (to < 0) return -1;
  uint64_pack_big(request, len);
  errno = 0;
  if (fdpass_send(to, request, sizeof request, &fd, 1) == 0 && stralloc_ready(answer, DKIM_ANSWER_MAX))
    answer->len = allread(to, answer->s, DKIM_ANSWER_MAX - 1);
  fd_close(to);
  s = answer->s;
  if (!answer->len || (errno && errno != EPIPE))
  {
    answer->len = 0;
    if (!errno || errno == EPIPE) errno = ECONNRESET;
    return -1;
  }
  result = s[0] == 'K' ? 0 : -1;
  memmove(s, s + 1, --answer->len);
  s[answer->len] = 0;
  errno = EPROTO;
  return result;
}
