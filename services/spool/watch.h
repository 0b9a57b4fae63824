#ifndef SERVICES_SPOOL_WATCH_H
#define SERVICES_SPOOL_WATCH_H

/* What wakes spool-deliver up when a message comes: inotify, or, where that cannot be had, a look every second. */
typedef struct watch_s watch;
struct watch_s
{
  int fd;   /* readable when something came to todo/; -1: nothing tells */
  int told; /* the log knows that nothing does */
};
#define WATCH_ZERO                                                                                           \
  {                                                                                                          \
    .fd = -1, .told = 0                                                                                      \
  }

/* Watches the folder todo, which is path/todo to the log. To be tried again while fd is -1. */
extern void watch_open(watch *w, int todo, char const *path);
/* A wake-up and nothing else: what there is to do, the scan tells. An overflow is a wake-up too. */
extern void watch_drain(watch const *w);
/* How many milliseconds a pause of so many may last. */
extern unsigned int watch_pause(watch const *w, unsigned int ms);

#endif
