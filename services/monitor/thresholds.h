#ifndef SERVICES_MONITOR_THRESHOLDS_H
#define SERVICES_MONITOR_THRESHOLDS_H

#include <stdint.h>

#include <runlib/overload-state.h>

/*
 * The decision, free of I/O: (rules, sample, now, state) -> state.
 *
 * Every pair of a level and a gauge that has a threshold is a cell, which is raised or not. A cell
 * rises when its gauge has been at `enter` or worse for `up` milliseconds on end, and falls when it
 * has been at `leave` or better for `down` milliseconds on end; in between it stays what it is. The
 * level is the highest one with a raised cell. So the level never changes faster than the dwell
 * times, and a worse sample never makes a lower level.
 *
 * An unknown reading says nothing: it neither begins, ends, nor completes a dwell. But a cell is not kept up
 * for ever by what was known once: after a time without a known reading it falls. An absent reading means that
 * the machine has no such gauge: its cells are down.
 */

typedef struct cell_s cell;
struct cell_s
{
  unsigned char raised;
  unsigned char timing; /* 1: on the other side of its threshold since `since` */
  unsigned char lost;   /* 1: its gauge is unknown since `lost_since` */
  uint64_t since;
  uint64_t lost_since;
};

typedef struct machine_s machine;
struct machine_s
{
  cell at[LEVELS][GAUGES];
  unsigned int level; /* 0, 1, 2 */
};
#define MACHINE_ZERO                                                                                         \
  {                                                                                                          \
    .level = 0                                                                                               \
  }

/*
 * The first decision after a start, which waits for no dwell: a backlog that is over the threshold is
 * so since before we were asked. before[i]: bits (1 << gauge) of the cells of level i + 1 that were
 * raised when the last monitor ended; they decide for gauges between leave and enter, and unknown ones.
 */
extern void machine_start(machine *m, rules const *r, sample const *x, unsigned int const before[LEVELS]);

/* The bits (1 << gauge) of the raised cells of a level (1 or 2). */
extern unsigned int machine_raised(machine const *m, unsigned int level);

/* One step. now: a stopwatch's milliseconds. A now that is earlier than the last restarts the dwells under way. */
extern void machine_step(machine *m, rules const *r, sample const *x, uint64_t now);

/* A gauge whose cell keeps the machine at its level; GAUGES if the level is 0. */
extern gauge_number machine_cause(machine const *m);

/* The bits (1 << gauge) of the gauges that have a threshold at any level. */
extern unsigned int rules_used(rules const *r);

/*
 * What is wrong with the rules, in words (static), or 0: a leave worse than its enter; a severe threshold
 * milder than the one below it.
 */
extern char const *rules_wrong(rules const *r);

#endif
