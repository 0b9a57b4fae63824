#ifndef RUNLIB_OVERLOAD_HISTORY_H
#define RUNLIB_OVERLOAD_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "gauge.h"

/*
 * The last six hours, in the file `history` of the monitor's directory, of a fixed size: HISTORY_SLOTS
 * records of HISTORY_RECORD bytes, integers little-endian:
 *    0  8  wall clock of the slot's beginning, seconds; 0: empty
 *    8  4  backlog: the largest seen in the slot      12  4  age of the oldest message, seconds, likewise
 *   16  2  load, percent a CPU, likewise              18  1  pressure (the worst of three), percent
 *   19  1  level: the highest
 *   20  1  bits: 1 the backlog was unknown for a while, 2 counting stopped early, 4 held by a person
 *   21     zero
 * The slot of time t is record t / HISTORY_STEP % HISTORY_SLOTS. So there is no head to keep in step: a
 * record counts if its time lies in the last six hours, and a killed writer or a clock that jumped
 * leaves nothing to repair.
 */

#define HISTORY_STEP   5
#define HISTORY_SLOTS  4320
#define HISTORY_RECORD 32

#define HISTORY_UNKNOWN 1
#define HISTORY_MORE    2
#define HISTORY_HELD    4

typedef struct history_point_s history_point;
struct history_point_s
{
  uint64_t time; /* 0: nothing was recorded */
  uint32_t backlog;
  uint32_t oldest;
  uint16_t load;
  uint8_t pressure;
  uint8_t level;
  uint8_t bits;
};
#define HISTORY_POINT_ZERO                                                                                   \
  {                                                                                                          \
    .time = 0, .backlog = 0, .oldest = 0, .load = 0, .pressure = 0, .level = 0, .bits = 0                    \
  }

extern void history_pack(char *s, history_point const *p);
extern void history_unpack(char const *s, history_point *p);
/* Makes p cover q too: the larger numbers, all bits, the later time. */
extern void history_merge(history_point *p, history_point const *q);
extern history_point history_of(sample const *x, unsigned int level, int held, uint64_t now);

/* Opens, and makes if need be, the ring for writing. Returns a descriptor, or -1 and errno. */
extern int history_open(char const *directory);
/* Adds one reading; *slot is the writer's present slot, HISTORY_POINT_ZERO at first. 0, or -1 and errno. */
extern int history_add(int fd, history_point *slot, history_point const *p);

/*
 * Reads the last n * step seconds up to now as n points, oldest first, each the merger of what falls in
 * its step (a multiple of HISTORY_STEP); points[i].time is 0 where nothing was recorded.
 * directory: RUN/overload. Returns 0, or -1 and errno (ENOENT: there was no monitor yet).
 */
extern int history_read(char const *directory, uint64_t now, history_point *points, size_t n,
                        unsigned int step);

#endif
