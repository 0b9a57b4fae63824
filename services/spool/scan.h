#ifndef SERVICES_SPOOL_SCAN_H
#define SERVICES_SPOOL_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#define SCAN_MAX 4096U /* names that one scan of todo/ gathers */

/* Messages that are due, the oldest of those found first. Times are microseconds since 1970. */
typedef struct scan_s scan;
struct scan_s
{
  stralloc text;
  genalloc names; /* of char const * */
  uint64_t next;  /* when the first of the others is due; UINT64_MAX: there are none */
  int more;       /* more are due than were gathered */
};
#define SCAN_ZERO                                                                                            \
  {                                                                                                          \
    .text = STRALLOC_ZERO, .names = GENALLOC_ZERO, .next = 0, .more = 0                                      \
  }

/* The wall clock. */
extern uint64_t scan_now(void);

/*
 * Reads the directory todo. Retry pauses grow up to `most`; messages last tried before `since` are due at once.
 * Returns 0, or -1 and errno.
 */
extern int scan_todo(scan *s, int todo, uint64_t now, uint64_t most, uint64_t since);
extern void scan_free(scan *s);

/*
 * Removes the files of the directory tmp that were not written to for `age` microseconds and that nobody holds
 * locked: what killed processes left. Returns how many.
 */
extern unsigned int scan_clean(int tmp, uint64_t now, uint64_t age);

#endif
