#ifndef RATER_TABLEFILE_H
#define RATER_TABLEFILE_H

#include <stdint.h>

#include <runlib/siphash.h>

/*
 * What raterd remembers: a file of fixed size, mapped into memory, so that kill -9 loses nothing.
 *
 *   header   a page: what the file is, the hash's key, the table's clock, counters
 *   boards   a board for each class: its counters and its worst offenders, by name
 *   sets     eight places each; a key has two sets that it may be in, chosen by its hash
 *
 * A place takes 32 bytes: the key's hash, which stands for the key, and a bucket. Keys have no names
 * here. When all sixteen places of a new key are taken, one of their keys moves to its other set; if those
 * are full as well, of all these 144 keys the one whose bucket is empty soonest goes.
 *
 * A bucket is written in an order that makes every half-written one refuse rather than admit more,
 * so that being killed between two stores breaks no guarantee.
 */

#define TABLE_VERSION  1
#define TABLE_WAYS     8
#define TABLE_LOAD     6 /* keys a set that the size is reckoned for: no eviction before 7 and more, measured */
#define TABLE_KEYS_MIN 64
#define TABLE_KEYS_MAX 1000000000

#define BOARDS       64
#define OFFENDERS    32
#define OFFENDER_MAX 100

typedef struct place_s place;
struct place_s
{
  uint64_t level;
  uint64_t
      when; /* bits 0..39: bucket.last, ms; 40..41: bucket.flags; 42..63: s from last to bucket.penalty */
  uint32_t period;
  uint32_t until;
};

typedef struct set_s set;
struct set_s
{
  uint64_t hashes[TABLE_WAYS]; /* 0: free */
  place places[TABLE_WAYS];
};

typedef struct offender_s offender;
struct offender_s
{
  uint64_t hash;     /* 0: free */
  uint64_t refusals; /* since it is on the board; never less than the truth by more than it had to outlast */
  uint32_t last;     /* s, the table's clock */
  uint8_t len;
  char name[OFFENDER_MAX + 7]; /* cut to OFFENDER_MAX; fills the struct to 128 */
};

typedef struct board_s board;
struct board_s
{
  uint64_t class; /* the hash of its name; 0: free */
  uint64_t checks;
  uint64_t refusals;
  uint64_t observed; /* would have been refusals but for `observe` */
  offender offenders[OFFENDERS];
};

#define LATENCIES 32

typedef struct header_s header;
struct header_s
{
  char magic[8];
  uint64_t sets;
  unsigned char key[SIPHASH_KEY];
  uint64_t check; /* a hash of the above */
  /* from here on it changes all the time */
  uint64_t clock; /* ms of the table's own time, which never steps back */
  uint64_t boot;  /* ms, CLOCK_BOOTTIME at that time, and of which boot: */
  uint64_t wall;  /* ms, CLOCK_REALTIME at that time */
  char boot_id[40];
  uint64_t keys;
  uint64_t evictions;
  uint64_t unmatched;          /* checks of values that no rule matched or that are unlimited */
  uint64_t errors;             /* requests answered 2 */
  uint64_t latency[LATENCIES]; /* checks that took less than 2^i us */
  uint64_t latency_max;        /* us */
};

#endif
