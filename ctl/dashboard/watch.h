#ifndef CTL_DASHBOARD_WATCH_H
#define CTL_DASHBOARD_WATCH_H

#include <ctl/live/live.h>
#include <ctl/machine/load.h>

/* s6's events of all services of a generation, as far as they can be had; and a change of one log. */

typedef struct dash_watch_s dash_watch;
struct dash_watch_s
{
  live_events *events; /* 0: none can be had; the clock alone drives */
  genalloc watches;    /* of uint16_t: one a service; 0: not yet */
  pid_t supervisor;
  unsigned int generation;
  int inotify; /* -1: none */
  int wd;      /* the log that is watched */
  stralloc dir;
};
#define DASH_WATCH_ZERO                                                                                      \
  {                                                                                                          \
    .watches = GENALLOC_ZERO, .inotify = -1, .wd = -1, .dir = STRALLOC_ZERO                                  \
  }

/* Watches what is not watched yet; all anew where there is another supervisor or generation. Takes no longer than a second. */
extern void dash_watch_services(dash_watch *w, stored const *st, pid_t supervisor);
/* Watches the log in dir, and no other. */
extern void dash_watch_log(dash_watch *w, char const *dir);
/* -1: there is none. */
extern int dash_watch_events_fd(dash_watch const *w);
/* Takes what happened, without waiting. 1: something did; 0. */
extern int dash_watch_take_events(dash_watch *w);
extern int dash_watch_take_log(dash_watch *w);
extern void dash_watch_free(dash_watch *w);

#endif
