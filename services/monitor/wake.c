#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "wake.h"

void wake_open(wake *w, char const *const *queues, size_t n)
{
  w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  for (size_t i = 0; i < n && w->fd >= 0; i++)
    (void)inotify_add_watch(w->fd, queues[i], IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR);
}

int wake_fd(wake const *w)
{
  return w->heard ? -1 : w->fd;
}

uint64_t wake_until(wake const *w, uint64_t until)
{
  return w->heard && w->rest < until ? w->rest : until;
}

int wake_take(wake *w, uint64_t now)
{
  char events[4096];
  ssize_t n;

  if (w->fd < 0) return 0;
  if (!w->heard || now >= w->rest) /* or else the kernel keeps them, one of a kind */
    while ((n = read(w->fd, events, sizeof events)) > 0 || (n < 0 && errno == EINTR))
      if (n > 0) w->heard = 1;
  if (!w->heard || now < w->rest) return 0;
  w->heard = 0;
  return 1;
}

void wake_looked(wake *w, uint64_t now, uint64_t took)
{
  w->rest = now + (4 * took > WAKE_PAUSE ? 4 * took : WAKE_PAUSE);
}
