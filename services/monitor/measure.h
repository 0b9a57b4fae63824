#ifndef SERVICES_MONITOR_MEASURE_H
#define SERVICES_MONITOR_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include <runlib/gauge.h>

#define QUEUES_MAX 16

/* At 1 to 2 us each; more of them where a level depends on the age. */
#define MEASURE_AGES      100
#define MEASURE_AGES_USED 1000

typedef struct measure_s measure;
struct measure_s
{
  char const *queues[QUEUES_MAX]; /* the directories whose files are the backlog */
  size_t n;
  unsigned int asked; /* bits (1 << gauge); the backlog and its age are always measured */
  uint64_t limit;     /* counting stops here */
  uint64_t ages;      /* so many files are asked for their age */
  /* The lowest enter of the backlog and of its age (0: none): so much is enough, though the rest cannot be read. */
  uint64_t enough[2];
  unsigned int cpus;
  int wrong[QUEUES_MAX]; /* errno of the last look at each queue; 0: it could be read */
};
#define MEASURE_ZERO                                                                                         \
  {                                                                                                          \
    .n = 0                                                                                                   \
  }

/*
 * Where counting may stop, for a highest threshold: far enough above it that the number means something,
 * and not so far that a huge queue costs more than it tells.
 */
extern uint64_t measure_limit(uint64_t highest);

/*
 * Takes one reading of everything. now: wall clock, seconds. Never fails: what cannot be read is
 * unknown, what the machine does not have is absent.
 */
extern void measure_take(measure *m, sample *x, uint64_t now);

/* The first number of /proc/loadavg and /proc/pressure texts, as percent; -1: not such a text. */
extern int64_t measure_load(char const *text, unsigned int cpus);
extern int64_t measure_pressure(char const *text);

#endif
