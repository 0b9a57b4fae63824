#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <ctl/dashboard/watch.h>
#include <ctl/live/servicedir.h>

static void forget_events(dash_watch *w)
{
  live_events_free(w->events);
  w->events = 0;
  genalloc_setlen(uint16_t, &w->watches, 0);
}

static int begin(dash_watch *w, stored const *st, pid_t supervisor, tain const *deadline, tain *stamp)
{
  size_t n = genalloc_len(entry, &st->g.entries);

  if (w->events && w->supervisor == supervisor && w->generation == st->g.number) return 0;
  forget_events(w);
  w->supervisor = supervisor;
  w->generation = st->g.number;
  if (!n || !genalloc_ready(uint16_t, &w->watches, n)) return -1;
  memset(w->watches.s, 0, n * sizeof(uint16_t));
  genalloc_setlen(uint16_t, &w->watches, n);
  w->events = live_events_new(deadline, stamp);
  return w->events ? 0 : -1;
}

void dash_watch_services(dash_watch *w, stored const *st, pid_t supervisor)
{
  uint16_t *watch;
  stralloc dir = STRALLOC_ZERO;
  tain deadline, stamp;

  if (!tain_now(&stamp)) return;
  tain_addsec(&deadline, &stamp, 1);
  if (begin(w, st, supervisor, &deadline, &stamp) < 0) return;
  watch = genalloc_s(uint16_t, &w->watches);
  for (size_t i = 0; i < genalloc_len(uint16_t, &w->watches); i++)
    if (!watch[i] && servicedir_path(&dir, st->b.run, genalloc_s(entry, &st->g.entries)[i].name, "") >= 0)
      watch[i] = live_events_watch(w->events, dir.s, &deadline, &stamp);
  stralloc_free(&dir);
}

void dash_watch_log(dash_watch *w, char const *dir)
{
  if (w->wd >= 0 && w->dir.len && !strcmp(w->dir.s, dir)) return;
  if (w->inotify < 0) w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (w->inotify < 0) return;
  if (w->wd >= 0) inotify_rm_watch(w->inotify, w->wd);
  w->wd = inotify_add_watch(w->inotify, dir, IN_MODIFY | IN_CREATE | IN_MOVED_FROM);
  w->dir.len = 0;
  if (!stralloc_cats(&w->dir, dir) || !stralloc_0(&w->dir)) w->dir.len = 0;
}

int dash_watch_events_fd(dash_watch const *w)
{
  return w->events ? live_events_fd(w->events) : -1;
}

/* With a deadline that has come, live_events_wait only takes what is there. */
int dash_watch_take_events(dash_watch *w)
{
  stralloc letters = STRALLOC_ZERO;
  tain stamp;
  int r;

  if (!tain_now(&stamp)) return 0;
  r = live_events_wait(w->events, &stamp, &stamp);
  if (r < 0)
  {
    forget_events(w);
    return 1;
  }
  for (size_t i = 0; r && i < genalloc_len(uint16_t, &w->watches); i++)
    if (genalloc_s(uint16_t, &w->watches)[i])
      (void)live_events_take(w->events, genalloc_s(uint16_t, &w->watches)[i], &letters);
  stralloc_free(&letters);
  return r > 0;
}

int dash_watch_take_log(dash_watch *w)
{
  char events[4096] __attribute__((aligned(8)));
  ssize_t n;
  int some = 0;

  while ((n = read(w->inotify, events, sizeof events)) > 0)
    for (char const *s = events; s < events + n;)
    {
      struct inotify_event const *e = (struct inotify_event const *)s;
      if (e->wd == w->wd && e->mask & IN_IGNORED) w->wd = -1;
      some = 1;
      s += sizeof *e + e->len;
    }
  return some;
}

void dash_watch_free(dash_watch *w)
{
  forget_events(w);
  genalloc_free(uint16_t, &w->watches);
  if (w->inotify >= 0) fd_close(w->inotify);
  stralloc_free(&w->dir);
}
