#ifndef RUNLIB_GAUGE_H
#define RUNLIB_GAUGE_H

#include <stddef.h>
#include <stdint.h>

/* What the monitor can measure, and one reading of all of it. */

typedef enum gauge_number_e
{
  GAUGE_BACKLOG,     /* messages in todo/ */
  GAUGE_OLDEST,      /* seconds that the oldest of them has waited */
  GAUGE_FREE_BYTES,  /* of the queue's file system; with several queues, the worst */
  GAUGE_FREE_INODES, /* likewise */
  GAUGE_LOAD,        /* load average of the last minute a CPU, percent */
  GAUGE_CPU,         /* percent of the last ten seconds that some task waited: /proc/pressure */
  GAUGE_MEMORY,
  GAUGE_IO,
  GAUGE_FILTER, /* ms a message that sessions waited for the slowest milter, in the last minute (milterstats.h) */
  GAUGES
} gauge_number;

typedef struct gauge_s gauge;
struct gauge_s
{
  char const *name; /* as in mailctl.conf and on the command line */
  char const *unit; /* follows the number in texts */
  int low;          /* 1: it is the small numbers that are bad */
};
extern gauge const gauges[GAUGES];

typedef enum reading_state_e
{
  READING_ABSENT,  /* this machine has no such gauge, or nobody asked */
  READING_UNKNOWN, /* it could not be measured just now: value means nothing, least of all zero */
  READING_KNOWN
} reading_state;

typedef struct reading_s reading;
struct reading_s
{
  uint64_t value;
  unsigned char state; /* reading_state */
  unsigned char more;  /* 1: counting stopped early; it is at least value */
  unsigned char bound; /* 1: some of it could not be read: at least value, and nothing else is known */
};

typedef struct sample_s sample;
struct sample_s
{
  reading of[GAUGES];
};
#define SAMPLE_ZERO                                                                                          \
  {                                                                                                          \
    .of = { {.value = 0, .state = READING_ABSENT, .more = 0} }                                               \
  }

/* The gauge of that name (n characters), or GAUGES. */
extern gauge_number gauge_find(char const *name, size_t n);

#define READING_TEXT 40
#define SAMPLE_TEXT  (GAUGES * (READING_TEXT + 2))

/* `backlog 153`, `backlog 400+`, `load unknown`; into s (READING_TEXT bytes, NUL included). Returns the length. */
extern size_t reading_text(char *s, gauge_number g, reading const *r);
/*
 * All gauges whose bit (1 << number) is in asked, separated by commas; into s (SAMPLE_TEXT bytes, NUL
 * included). Returns the length.
 */
extern size_t sample_text(char *s, sample const *x, unsigned int asked);

#endif
