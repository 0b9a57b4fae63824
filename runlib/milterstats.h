#ifndef RUNLIB_MILTERSTATS_H
#define RUNLIB_MILTERSTATS_H

#include <stdint.h>

#include <runlib/counters.h>

/*
 * What the sessions of an SMTP service count of its milters: a file of runlib/counters.h, whose names begin with the
 * milter's number, `0.asked`. Times are milliseconds that messages have waited for a milter.
 */

#define MILTERSTATS         6  /* milters */
#define MILTERSTATS_BUCKETS 12 /* the last: longer than all bounds */

extern unsigned int const milterstats_bounds[MILTERSTATS_BUCKETS - 1];

typedef enum milterstat_e
{
  MILTERSTAT_WHO, /* a hash of its address: where that is another, all begin anew */
  MILTERSTAT_ASKED,
  MILTERSTAT_REFUSED,
  MILTERSTAT_FAILED,
  MILTERSTAT_WORST,
  MILTERSTAT_ASKED_EVEN, /* by the minute, as counter_rate */
  MILTERSTAT_ASKED_ODD,
  MILTERSTAT_MS_EVEN,
  MILTERSTAT_MS_ODD,
  MILTERSTAT_WITHIN, /* and MILTERSTATS_BUCKETS - 1 more */
  MILTERSTAT_ALL = MILTERSTAT_WITHIN + MILTERSTATS_BUCKETS
} milterstat;

typedef struct milterstats_s milterstats;
struct milterstats_s
{
  counter *at[MILTERSTATS][MILTERSTAT_ALL];
};

/*
 * Opens the counters of n milters, which have these addresses, in the file; 0: in memory. Returns 0, or -1 and errno:
 * in memory then.
 */
extern int milterstats_open(milterstats *m, char const *const *addresses, unsigned int n, char const *file);
/* A message is put to it. */
extern void milterstats_asked(milterstats *m, unsigned int i);
/* So much more of the time has passed. It is counted while it passes: a milter that stalls shows at once. */
extern void milterstats_waited(milterstats *m, unsigned int i, uint64_t ms);
/* The message is over for it, after so much in all. */
extern void milterstats_over(milterstats *m, unsigned int i, uint64_t ms, int refused, int failed);

typedef struct milterstats_facts_s milterstats_facts;
struct milterstats_facts_s
{
  uint64_t asked, refused, failed;
  uint64_t worst; /* ms */
  uint64_t
      median; /* ms: the bound below which half of the messages are; of the last bucket, worst; 0 without any */
  int64_t recent; /* ms a message in the last minute; -1: there was none */
};

/* now: seconds. Returns how many milters the file knows, or -1 and errno. */
extern int milterstats_read(milterstats_facts f[MILTERSTATS], char const *file, uint64_t now);

#endif
