#ifndef RATER_TABLE_H
#define RATER_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "bucket.h"
#include "tablefile.h"

/* The table of tablefile.h, open. */
typedef struct table_s table;
struct table_s
{
  header *header; /* 0: closed */
  board *boards;
  set *sets;
  size_t size;       /* bytes, of the whole file */
  int lock;          /* fd; -1 if in memory alone */
  uint64_t sweep;    /* the next set to sweep */
  header saved;      /* what a table that is lost goes on with: the key and the clock */
  int volatile lost; /* somebody truncated the file: what counts lies in memory alone */
};
#define TABLE_ZERO                                                                                           \
  {                                                                                                          \
    .header = 0, .boards = 0, .sets = 0, .size = 0, .lock = -1, .sweep = 0, .lost = 0                        \
  }

/* What table_open found, in words for the log (static), or 0. */
typedef struct table_news_s table_news;
struct table_news_s
{
  char const *aside;  /* why the old file was renamed to FILE.bad */
  int resized;        /* the old file was of another size; its keys were carried over */
  char const *failed; /* the step that failed, as `unable to ...` goes on */
};

/*
 * t must stay where it is as long as it is open.
 * Opens or makes the table in file for about `keys` keys; file 0: in memory. FILE.lock keeps a second
 * raterd out. Returns 0, or -1 and errno, EBUSY if another has it; news tells what happened.
 */
extern int table_open(table *t, char const *file, uint64_t keys, table_news *news);
extern void table_close(table *t);
/* For a process that was forked, which opens the table anew where the other has ended. */
extern void table_unlock(table *t);
/*
 * Writes a table that was lost into a file again, as long as no place of it is in use by the caller. lost is 0 afterwards.
 * Returns 0, or -1 and errno: it stays in memory.
 */
extern int table_remake(table *t, char const *file);

/* Finds hash's place: 0 if it has none. */
extern place *table_find(table *t, uint64_t hash);
/* Whose place it is by now. */
extern uint64_t place_hash(table const *t, place const *p);
/* As table_find, but makes one, and counts an eviction if that took a bucket that is not empty at now (s). */
extern place *table_take(table *t, uint64_t hash, uint32_t now);
extern int table_forget(table *t, uint64_t hash);
/*
 * A key of a large table is far from the processor. Two steps that start fetching it, each to be followed by
 * something else: the first of hash's sets; then its place there, which is returned, or else the other set.
 */
extern void table_prefetch(table const *t, uint64_t hash);
extern place *table_expect(table *t, uint64_t hash);
/* Frees places whose bucket is empty at now (s), in the next few sets. */
extern void table_sweep(table *t, unsigned int n, uint32_t now);
/* Sets so many keys were reckoned for. */
extern uint64_t table_room(table const *t);

extern void place_get(place const *p, bucket *b);
extern void place_put(place *p, bucket const *b);

/* The hash of s, never 0. seed: 0 for a class's name; its hash for its values; that plus 1 for addresses. */
extern uint64_t table_hash(table const *t, uint64_t seed, char const *s, size_t n);

/*
 * The table's clock moves by CLOCK_BOOTTIME, which nobody sets, and over a restart of the machine by the
 * wall clock, by 0 to CLOCK_LEAP. table_tick moves it on and returns it, in ms.
 */
#define CLOCK_LEAP (30ull * 86400000)
extern uint64_t table_tick(table *t);
extern void table_clock_start(header *h, uint64_t boot, uint64_t wall, char const *boot_id);

#endif
