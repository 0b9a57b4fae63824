#ifndef RATER_BUCKET_H
#define RATER_BUCKET_H

#include <stdint.h>

/*
 * The generic cell rate algorithm, as a bucket that fills with every admitted request and drains at
 * the limit's rate. All numbers are integers and nothing is rounded, so that nothing drifts: a bucket
 * holds parts, a request is PERIOD (in ms) parts, and COUNT parts drain every millisecond.
 *
 * The guarantee: of one key, the sum of the quantities admitted at times t1..t2 (ms, both included)
 * is at most burst + COUNT * (t2 - t1 + delay) / PERIOD, whatever the clock does in between. A forgiving bucket does not
 * drain: it is emptied one PERIOD after its first request, so that at most burst are admitted between two such moments.
 */

#define LIMIT_PERIOD_MAX  4294967000ull /* ms: 49 days; it has 32 bits in the table */
#define LIMIT_PARTS_MAX   ((uint64_t)1 << 62)
#define LIMIT_PENALTY_MAX (48 * 86400) /* s; it has 22 bits in the table */
#define LIMIT_DELAY_MAX   3600000      /* ms */

#define LIMIT_STRICT    1 /* refused attempts count as well */
#define LIMIT_OBSERVE   2 /* never refuse */
#define LIMIT_UNLIMITED 4
#define LIMIT_SHARED    16 /* by several machines: shared.h */
#define LIMIT_FORGIVING 8  /* all is forgiven one period after the first */

typedef struct limit_s limit;
struct limit_s
{
  uint64_t count;   /* 1 or more; (burst + count) * period + count * delay is LIMIT_PARTS_MAX at most */
  uint64_t burst;   /* the most that is admitted at once; 1 or more */
  uint32_t period;  /* ms, 1 or more */
  uint32_t penalty; /* s for which an offender stays refused; 0: none */
  uint32_t delay;   /* ms: what would be admitted within that is admitted now, with a hint */
  unsigned int flags;
};
#define LIMIT_ZERO                                                                                           \
  {                                                                                                          \
    .count = 0, .burst = 0, .period = 0, .penalty = 0, .delay = 0, .flags = 0                                \
  }

#define BUCKET_OVER 1 /* the last attempt was refused: so that an offence is logged once */

typedef struct bucket_s bucket;
struct bucket_s
{
  uint64_t level;   /* parts */
  uint64_t last;    /* ms: when level was right */
  uint32_t period;  /* ms: what a request's parts were; 0: a bucket never used */
  uint32_t penalty; /* s: refused until then; 0: no penalty */
  uint32_t
      until; /* s: when the bucket will be empty and no penalty holds, rounded up: it may be forgotten then */
  unsigned int flags;
};
#define BUCKET_ZERO                                                                                          \
  {                                                                                                          \
    .level = 0, .last = 0, .period = 0, .penalty = 0, .until = 0, .flags = 0                                 \
  }

#define VERDICT_NEVER UINT32_MAX

typedef struct verdict_s verdict;
struct verdict_s
{
  int refused;    /* what the bucket says, LIMIT_OBSERVE or not */
  uint64_t n;     /* requests in the bucket, this one included, rounded up */
  uint32_t retry; /* s until as much would be admitted, rounded up; VERDICT_NEVER: more than burst */
  uint32_t delay; /* s by which what was admitted should be put off, rounded up */
};

/*
 * One request of quantity (1 or more) at now (ms). Keeps what the bucket counted when the limit is
 * another than the last time. A `now` before b->last drains nothing.
 */
extern void bucket_step(bucket *b, limit const *l, uint64_t now, uint64_t quantity, verdict *v);

/*
 * What a request of 1 would be told, without counting it: n is what the bucket holds. The bucket is brought up to now, so
 * that a penalty that the limit has shortened ends, however often it is looked at.
 */
extern void bucket_peek(bucket *b, limit const *l, uint64_t now, verdict *v);

/* Takes back quantity that was admitted. A penalty stays. */
extern void bucket_undo(bucket *b, limit const *l, uint64_t now, uint64_t quantity);

#endif
