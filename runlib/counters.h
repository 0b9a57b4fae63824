#ifndef RUNLIB_COUNTERS_H
#define RUNLIB_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Counters that the processes of a service share: one file of one page, mapped by each of them and
 * incremented atomically, so that a process killed at any instant leaves nothing half done and no lock.
 *
 * A counter has a name and only grows; it outlives restarts, and it wraps at 2^64. A gauge is a counter
 * that one long-lived process sets: a session that is killed cannot count itself out, so "connections
 * now" belongs to the process that reaps the sessions.
 *
 * The file, in the machine's byte order: "mailcnt1", the capacity (u32, 127), the number of names in use
 * (u32), 16 bytes of zero; then for each counter its name, zero-filled to 24 bytes, and its value (u64).
 */

#define COUNTERS_MAX     127
#define COUNTERS_NAMELEN 23

typedef _Atomic uint64_t counter;

typedef struct counter_value_s counter_value;
struct counter_value_s
{
  char name[COUNTERS_NAMELEN + 1];
  uint64_t value;
};

/*
 * Finds the n counters of these names in the file, adding those that it lacks, and puts a pointer to each
 * into slots. Names are printable ASCII without blanks, at most COUNTERS_NAMELEN bytes. A missing file is
 * made, with exactly this mode; one that is not a counters' file is replaced.
 * Returns 0; or -1 and errno (ENOSPC: no room for the names, EINVAL: a bad name, else the system's), and
 * then every slot points to a counter of this process alone, so that a caller may go on counting.
 * The page stays mapped until the process ends or execs. Somebody who may write to the file may truncate it: from then on
 * the process counts in memory of its own (by a handler of SIGBUS) instead of being killed.
 */
extern int counters_open(char const *path, mode_t mode, char const *const *names, unsigned int n,
                         counter **slots);

static inline void counter_add(counter *c, uint64_t n)
{
  atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

/* For a gauge's owner. */
static inline void counter_set(counter *c, uint64_t n)
{
  atomic_store_explicit(c, n, memory_order_relaxed);
}

/*
 * How often something happens: a pair of counters, by convention NAME.0 and NAME.1, one for the even minutes
 * and one for the odd. Each holds the minute (seconds since 1970 / 60) in its upper 32 bits and the count of
 * that minute in the lower. A process that is killed leaves nothing to mend here either. now: seconds. n: how many there were.
 */
static inline void counter_rate(counter *const pair[2], uint64_t now, uint64_t n)
{
  uint64_t minute = now / 60;
  counter *c = pair[minute & 1];
  uint64_t old = atomic_load_explicit(c, memory_order_relaxed);
  uint64_t next;

  do next = old >> 32 == (uint32_t)minute ? old + n : minute << 32 | n;
  while (!atomic_compare_exchange_weak_explicit(c, &old, next, memory_order_relaxed, memory_order_relaxed));
}

/* The count of the last 60 seconds, of the minute before in proportion. */
static inline double counter_rate_read(uint64_t even, uint64_t odd, uint64_t now)
{
  uint64_t minute = now / 60;
  uint64_t this = minute & 1 ? odd : even;
  uint64_t last = minute & 1 ? even : odd;
  double n = this >> 32 == (uint32_t)minute ? (double)(uint32_t)this : 0;

  if (last >> 32 == (uint32_t)(minute - 1)) n += (double)(uint32_t)last * (double)(60 - now % 60) / 60;
  return n;
}

/*
 * Reads the whole file into values, in the order in which the names were added. Only needs to read the
 * file, trusts nothing in it, and cannot be hurt by a file that shrinks meanwhile (it maps nothing).
 * Returns the number of counters, or -1 and errno (EPROTO: not a counters' file).
 */
extern int counters_read(char const *path, counter_value values[COUNTERS_MAX]);

#endif
