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

/*
 * Before the first pause and after each: watches the directory todo, of the spool path to the log, or, if it does already,
 * takes the events. They are a wake-up and nothing else: what there is to do, the scan tells.
 */
extern void watch_turn(watch *w, int todo, char const *path);
/* How many milliseconds a pause of so many may last. */
extern unsigned int watch_pause(watch const *w, unsigned int ms);

#endif
