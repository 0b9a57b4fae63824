#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include <services/spool/watch.h>

#define LOOK 1000U /* milliseconds */

/* An overflow is a wake-up too. */
static void take(int fd)
{
  char events[4096];
  ssize_t n;

  do n = read(fd, events, sizeof events);
  while (n > 0 || (n < 0 && errno == EINTR));
}

void watch_turn(watch *w, int todo, char const *path)
{
  char name[64];

  if (w->fd >= 0)
  {
    take(w->fd);
    return;
  }
  w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  snprintf(name, sizeof name, "/proc/self/fd/%d", todo);
  if (w->fd >= 0 && inotify_add_watch(w->fd, name, IN_MOVED_TO | IN_CREATE | IN_ONLYDIR) >= 0)
  {
    w->told = 0;
    return;
  }
  if (!w->told) strerr_warnwusys("watch ", path, ", which is looked at every second instead");
  w->told = 1;
  if (w->fd >= 0) close(w->fd);
  w->fd = -1;
}

unsigned int watch_pause(watch const *w, unsigned int ms)
{
  return w->fd < 0 && ms > LOOK ? LOOK : ms;
}
