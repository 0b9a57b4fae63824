#ifndef SERVICES_SPOOL_SHARES_H
#define SERVICES_SPOOL_SHARES_H

#include <stdint.h>

/*
 * How much of a pass over todo/ each source of mail has had, in bytes written: no source keeps the others waiting
 * longer than its share takes. What is beyond it comes in the next pass. Pure.
 */
#define SHARES_SOURCES 256U
#define SHARE          33554432U
#define SHARE_FILE     65536U /* what a file costs at least */

typedef struct shares_s shares;
struct shares_s
{
  struct
  {
    uint64_t source;
    uint64_t spent;
  } of[SHARES_SOURCES];
  unsigned int n;
};

/* Begins a pass. */
extern void shares_begin(shares *s);
/* Whether a source has had its share. Sources that are too many have one together. */
extern int shares_gone(shares const *s, uint64_t source);
/* Notes a file of so many bytes. */
extern void shares_take(shares *s, uint64_t source, uint64_t bytes);

#endif
