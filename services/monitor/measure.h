#ifndef SERVICES_MONITOR_MEASURE_H
#define SERVICES_MONITOR_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include <runlib/gauge.h>
#include <runlib/queuecount.h>

#define QUEUES_MAX 16

/* At 1 to 2 us each; more of them where a level depends on the age. */
#define MEASURE_AGES      100
#define MEASURE_AGES_USED 1000

typedef struct measure_s measure;
struct measure_s
{
  char const *queues[QUEUES_MAX]; /* the directories whose files are the backlog */
  size_t n;
  char const *milters[2]; /* the counters of what is asked by smtpd, by submission; 0: none more */
  unsigned int asked;     /* bits (1 << gauge); the backlog and its age are always measured */
  uint64_t limit;         /* counting a queue stops here */
  uint64_t ages;          /* so many files of a queue are asked for their age */
  /* The lowest enter of the backlog and of its age (0: none): so much is enough, though the rest cannot be read. */
  uint64_t enough[2];
  unsigned int cpus;
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

/* One look at one queue. */
typedef struct queue_look_s queue_look;
struct queue_look_s
{
  queuecount q;
  reading bytes, inodes; /* free ones of its file system, where they are asked for */
  int wrong;             /* errno: it could not be read, and q says nothing; 0: it could */
};

/* Looks at queue i. Takes as long as the file system does. Never fails: see wrong. */
extern void measure_queue(measure const *m, size_t i, queue_look *look);

/*
 * Takes one reading of everything from m->n looks, and from /proc. now: wall clock, seconds. Never fails: what
 * cannot be read is unknown, what the machine does not have is absent. Waits for nothing.
 */
extern void measure_take(measure const *m, queue_look const *looks, sample *x, uint64_t now);

/* The first number of /proc/loadavg and /proc/pressure texts, as percent; -1: not such a text. */
extern int64_t measure_load(char const *text, unsigned int cpus);
extern int64_t measure_pressure(char const *text);

#endif
