#ifndef RATER_BLOCKER_H
#define RATER_BLOCKER_H

#include <stdint.h>

#include <skalibs/genalloc.h>

#include <runlib/block.h>

#include "rules.h"

/*
 * Whom raterd blocks at the door: addresses that went over a limit of a class with `block`, longer each time. They lie in
 * a file that listeners read (runlib/block.h), each with its class and how often it was blocked as the reason:
 *
 *   192.0.2.1 block 2026-11-28T15:40:00Z authfail (3)
 *
 * It is written with each change, and read when raterd starts. What is over stays, so that the next time is longer, for
 * as long again as the longest block of its class.
 */
#define BLOCKER_MAX 4096 /* addresses; then the one whose block is over first goes */

typedef struct blocked_s blocked;
struct blocked_s
{
  char name[NET_FMT];
  char class[CLASS_NAME_MAX + 1];
  uint64_t until; /* seconds since 1970 */
  uint32_t times;
};

typedef struct blocker_s blocker;
struct blocker_s
{
  char const *file; /* 0: nobody is blocked */
  genalloc list;    /* of blocked */
};
#define BLOCKER_ZERO                                                                                         \
  {                                                                                                          \
    .file = 0, .list = GENALLOC_ZERO                                                                         \
  }

/* Reads what an earlier raterd wrote. A line that cannot be read is left out. */
extern void blocker_open(blocker *b, char const *file);
/* Blocks the addresses that name stands for (n bytes), but never 127.0.0.1 and ::1, who are this machine itself. */
extern void blocker_add(blocker *b, class const *c, char const *name, size_t n, uint64_t now);
/* Unblocks name, if c blocked it. */
extern void blocker_forget(blocker *b, class const *c, char const *name, size_t n, uint64_t now);
extern void blocker_free(blocker *b);

#endif
