#include <poll.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <runlib/tcp/listener.h>
#include <runlib/tcp/standby.h>

#include "door.h"

#define BACKLOG 1024

static standby other = STANDBY_NONE;
static int fds[STANDBY_MAX]; /* ours */
static unsigned int n;
static int before[STANDBY_MAX]; /* of whoever listened before us; -1: taken */
static held left = {.fds = before};
static int caller = -1;

int door_open(char const *path)
{
  int r = standby_take(&other, path, before, &caller);

  if (r < 0) return -1;
  left.n = (unsigned int)r;
  return 0;
}

unsigned int door_listen(char const *text, int made[2], char const **why)
{
  listener l[2];
  unsigned int r = listener_open(l, text, BACKLOG, &left, why);

  for (unsigned int i = 0; i < r; i++) fds[n++] = made[i] = l[i].fd;
  return r;
}

door_role door_stand(void (*forked)(void *data), void *data)
{
  door_role role = DOOR_FIRST;

  for (unsigned int i = 0; i < left.n; i++)
    if (before[i] >= 0) fd_close(before[i]);
  left.n = 0;
  if (other.door < 0) return DOOR_FIRST;
  other.forked = forked;
  other.data = data;
  switch (standby_begin(&other, fds, n))
  {
    case STANDBY_FIRST: break;
    case STANDBY_FAILED:
      strerr_warnwusys("have a standby: if this process is killed, its sockets are closed");
      break;
    case STANDBY_SECOND: role = DOOR_NEXT; break;
    case STANDBY_DRAIN: role = DOOR_SHUT; break;
  }
  if (role == DOOR_FIRST) standby_settled(caller);
  caller = -1;
  return role;
}

int door_fd(void)
{
  return other.pair;
}

int door_event(void)
{
  struct pollfd x = {.fd = other.pair, .events = POLLIN};

  if (other.pair < 0 || poll(&x, 1, 0) <= 0) return 0;
  return standby_dismissed(&other) ? 1 : 2;
}
