#ifndef SERVICES_MONITOR_WAKE_H
#define SERVICES_MONITOR_WAKE_H

#include <stddef.h>
#include <stdint.h>

/*
 * What comes into a queue or leaves it wakes the monitor before its next poll. While nothing happens that costs nothing;
 * while much does, there is a pause behind each look. Queues that cannot be watched, and events
 * that the kernel had no room for, wait for the poll. Times are a stopwatch's milliseconds.
 */
#define WAKE_PAUSE 100

typedef struct wake_s wake;
struct wake_s
{
  int fd;        /* -1: nothing is watched */
  uint64_t rest; /* until then an event does not make a look */
  int heard;     /* there was one, for which the look is due then */
};
#define WAKE_NONE                                                                                            \
  {                                                                                                          \
    .fd = -1                                                                                                 \
  }

extern void wake_open(wake *w, char const *const *queues, size_t n);
/* The descriptor to wait for; -1: none. */
extern int wake_fd(wake const *w);
/* When to come, if not before `until`. */
extern uint64_t wake_until(wake const *w, uint64_t until);
/* Takes the events. Returns 1 if it is time for a look because of them. */
extern int wake_take(wake *w, uint64_t now);
/* A look took so many milliseconds: the next one waits four times as long, at least WAKE_PAUSE. */
extern void wake_looked(wake *w, uint64_t now, uint64_t took);

#endif
