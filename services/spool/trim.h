#ifndef SERVICES_SPOOL_TRIM_H
#define SERVICES_SPOOL_TRIM_H

#include <stdint.h>

/* What failed/ may hold: what is older goes, and of the rest the oldest, down to nine tenths of a bound that is passed. */
typedef struct trim_bounds_s trim_bounds;
struct trim_bounds_s
{
  uint64_t files;
  uint64_t bytes;
  uint64_t age; /* seconds since a file was written */
};
#define TRIM_FAILED                                                                                          \
  {                                                                                                          \
    .files = 10000, .bytes = 1073741824, .age = 30 * 86400                                                   \
  }

typedef struct trimmed_s trimmed;
struct trimmed_s
{
  uint64_t files; /* that are there */
  uint64_t bytes;
  uint64_t removed; /* how many went */
};

/*
 * Looks at the regular files of a directory and removes what is too much. now: seconds since 1970. Returns 0, or -1 and
 * errno: the directory cannot be read, or there is no memory.
 */
extern int trim_directory(trimmed *t, int dir, trim_bounds const *b, uint64_t now);

#endif
