#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <runlib/clock.h>

#include "child.h"
#include "client.h"

#define LINGER_TIME  2000 /* ms */
#define LINGER_BYTES (4ul << 20)

client_event client_read(char *buf, size_t max, size_t *n, uint64_t deadline, int at_once)
{
  int hurried = child_hurried();

  for (;;)
  {
    if (at_once)
    {
      ssize_t r = recv(0, buf, max, MSG_DONTWAIT);
      if (r < 0 && errno == ENOTSOCK) r = read(0, buf, max);
      if (r > 0)
      {
        *n = (size_t)r;
        return CLIENT_BYTES;
      }
      if (!r || (errno != EAGAIN && errno != EINTR)) return CLIENT_GONE;
    }
    /* Before the wait too: the signal may have come while a plugin ran. */
    if (child_terminated()) return CLIENT_STOP;
    at_once = child_pause(0, POLLIN, deadline);
    if (child_terminated()) return CLIENT_STOP;
    if (!at_once && clock_ms() >= deadline) return CLIENT_IDLE;
    if (!at_once && child_hurried() != hurried) return CLIENT_HURRY;
  }
}

static ssize_t send_some(char const *s, size_t len)
{
  ssize_t r = send(1, s, len, MSG_DONTWAIT | MSG_NOSIGNAL);
  return r < 0 && errno == ENOTSOCK ? write(1, s, len) : r;
}

int client_flush(stralloc *out, uint64_t deadline)
{
  size_t sent = 0;

  while (sent < out->len)
  {
    ssize_t r = send_some(out->s + sent, out->len - sent);
    if (r > 0)
      sent += (size_t)r;
    else if (errno != EAGAIN && errno != EINTR)
      return -1;
    else if (!child_pause(1, POLLOUT, deadline) && clock_ms() >= deadline)
      return -1;
  }
  out->len = 0;
  return 0;
}

void client_greet(session *s, int early)
{
  static char const no_memory[] = SESSION_NO_MEMORY "\r\n";

  session_start(s, early);
  if (!s->out.s) (void)send_some(no_memory, sizeof no_memory - 1);
}

int client_talks(unsigned int ms)
{
  uint64_t deadline = clock_ms() + ms;

  while (clock_ms() < deadline && !child_terminated())
    if (child_pause(0, POLLIN, deadline)) return 1;
  return 0;
}

void client_linger(void)
{
  uint64_t deadline = clock_ms() + LINGER_TIME;
  char buf[4096];
  size_t all = 0, n;

  if (shutdown(1, SHUT_WR) < 0) return;
  while (all < LINGER_BYTES && client_read(buf, sizeof buf, &n, deadline, 1) == CLIENT_BYTES) all += n;
}
