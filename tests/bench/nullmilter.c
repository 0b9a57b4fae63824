/*
 * nullmilter SOCKET [WAIT]: a milter that does nothing. With WAIT it answers to nothing but the end of a message, and so many
 * milliseconds late, in each session for itself; without it to each step at once.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <skalibs/strerr.h>
#include <skalibs/uint32.h>

#include <runlib/clock.h>

#define SESSIONS 128
#define ROOM     (160u << 10)
#define QUIET    0xff080u /* no answers but to the end */

char const *PROG = "nullmilter";

typedef struct one_s one;
struct one_s
{
  size_t len;
  uint64_t due; /* when it is answered; 0: nothing waits */
  char bytes[ROOM];
};

static one sessions[SESSIONS];
static struct pollfd polled[SESSIONS];
static uint64_t wait_ms;
static int quiet;

static void answer(int fd, char const *s, size_t len)
{
  if (write(fd, s, len) < 0) return;
}

static void agree(int fd)
{
  char s[17] = "\0\0\0\rO";

  uint32_pack_big(s + 5, 6);
  uint32_pack_big(s + 9, 0);
  uint32_pack_big(s + 13, quiet ? QUIET : 0);
  answer(fd, s, sizeof s);
}

/* One whole packet. */
static void hear(one *x, int fd, char what)
{
  if (what == 'O')
    agree(fd);
  else if (what == 'E' && wait_ms)
    x->due = clock_ms() + wait_ms;
  else if (what == 'E' || (!quiet && !strchr("DAQ", what)))
    answer(fd, "\0\0\0\1c", 5);
}

static void read_some(unsigned int i)
{
  one *x = sessions + i;
  ssize_t r = read(polled[i].fd, x->bytes + x->len, ROOM - x->len);
  size_t at = 0;
  uint32_t n;

  if (r <= 0)
  {
    close(polled[i].fd);
    polled[i].fd = -1;
    x->len = 0;
    x->due = 0;
    return;
  }
  for (x->len += (size_t)r; x->len - at >= 5; at += n + 4)
  {
    uint32_unpack_big(x->bytes + at, &n);
    if (n > ROOM - 4) strerr_dief(111, "a packet that is too long");
    if (x->len - at < n + 4) break;
    hear(x, polled[i].fd, x->bytes[at + 4]);
  }
  x->len -= at;
  memmove(x->bytes, x->bytes + at, x->len);
}

static void take(int listener)
{
  int fd = accept(listener, 0, 0);

  for (unsigned int i = 1; fd >= 0 && i < SESSIONS; i++)
    if (polled[i].fd < 0)
    {
      polled[i].fd = fd;
      return;
    }
  if (fd >= 0) close(fd);
}

static int next_due(uint64_t now)
{
  int ms = -1;

  for (unsigned int i = 1; i < SESSIONS; i++)
  {
    one *x = sessions + i;
    if (!x->due) continue;
    if (x->due <= now)
    {
      answer(polled[i].fd, "\0\0\0\1c", 5);
      x->due = 0;
    }
    else if (ms < 0 || x->due - now < (uint64_t)ms)
      ms = (int)(x->due - now);
  }
  return ms;
}

int main(int argc, char const *const *argv)
{
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);

  if (argc < 2 || strlen(argv[1]) >= sizeof to.sun_path) strerr_dieusage(100, "nullmilter SOCKET [WAIT]");
  quiet = argc > 2;
  wait_ms = argc > 2 ? strtoull(argv[2], 0, 10) : 0;
  strcpy(to.sun_path, argv[1]);
  umask(0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof to) < 0 || listen(fd, 128) < 0)
    strerr_diefusys(111, "listen at ", argv[1]);
  for (unsigned int i = 0; i < SESSIONS; i++) polled[i] = (struct pollfd){.fd = -1, .events = POLLIN};
  polled[0].fd = fd;
  for (;;)
  {
    if (poll(polled, SESSIONS, next_due(clock_ms())) <= 0) continue;
    if (polled[0].revents) take(fd);
    for (unsigned int i = 1; i < SESSIONS; i++)
      if (polled[i].fd >= 0 && polled[i].revents) read_some(i);
  }
}
