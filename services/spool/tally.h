#ifndef SERVICES_SPOOL_TALLY_H
#define SERVICES_SPOOL_TALLY_H

#include <stdint.h>
#include <time.h>

#include <runlib/counters.h>

/*
 * How many messages failed/ has, published for those who may not look into it: the gauge `failed` of a file of
 * runlib/counters.h. UINT64_MAX: it could not be counted.
 */
typedef struct tally_s tally;
struct tally_s
{
  counter *failed;      /* 0: nobody wants to know */
  struct timespec seen; /* failed/ as it was counted; zero: count it again */
  uint64_t counted;     /* when; microseconds since 1970 */
};
#define TALLY_ZERO                                                                                           \
  {                                                                                                          \
    .failed = 0, .counted = 0                                                                                \
  }

/* 0, or -1 and errno: nothing is published then. */
extern int tally_open(tally *t, char const *file);
/*
 * Counts the directory, if it has changed. now: microseconds since 1970. busy: there is mail to be moved meanwhile, so
 * that this may wait some seconds.
 */
extern void tally_take(tally *t, char const *failed, uint64_t now, int busy);

#endif
