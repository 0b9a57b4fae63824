#ifndef CTL_LIVE_LOGS_H
#define CTL_LIVE_LOGS_H

#include <stddef.h>
#include <sys/types.h>

#include <skalibs/stralloc.h>
#include <skalibs/tai.h>

/* s6-log's directories: `current` and the rotated @TAI64N.s, each line with a TAI64N stamp. */

/*
 * Appends the last n lines of the log in dir, rotated files included, as they are; with since, only those
 * stamped at or after it; of very many, as many as 32 MB hold. 0, or -1 and errno (ENOENT: no such log).
 */
extern int logs_tail(stralloc *sa, char const *dir, size_t n, tain const *since);

/* How far a log was read: up to this place in this file; none if fd is negative. */
typedef struct logs_place_s logs_place;
struct logs_place_s
{
  int fd;
  off_t at;
};
#define LOGS_PLACE_ZERO                                                                                      \
  {                                                                                                          \
    .fd = -1                                                                                                 \
  }

/* As logs_tail, of an open directory. With end, only whole lines, and where they end, its fd being the caller's then. */
extern int logs_tail_at(stralloc *sa, int dir, size_t n, logs_place *end);

/*
 * Gives f whatever whole lines there are behind *p by now, into the files that s6-log went on to, and moves *p there. A line
 * without an end waits for it. Returns 0; or -1 and errno, or what f returned below 0.
 */
extern int logs_more(int dir, logs_place *p, int (*f)(void *data, char const *lines, size_t len), void *data);

/* Whether the log of the service `name` below log has lost its file: a logger that runs writes to one without a name. */
extern int logs_lost(char const *log, char const *name);

/* Appends lines (as logs_tail gives them) with the stamps as local times, each behind indent. 0, or -1 and ENOMEM. */
extern int logs_human(stralloc *sa, char const *lines, size_t len, char const *indent);

#endif
