#ifndef CTL_LIVE_LOGFILES_H
#define CTL_LIVE_LOGFILES_H

#include <skalibs/genalloc.h>

/*
 * The files of one of s6-log's directories. `current` becomes `previous` and then, for good, @TAI64N.s, while the oldest
 * of these go: all that at any moment, so that a file is known by its inode. dir is the directory, open.
 */

/* What was seen of them. */
typedef struct logfiles_s logfiles;
struct logfiles_s
{
  genalloc list;
};
#define LOGFILES_ZERO                                                                                        \
  {                                                                                                          \
    .list = GENALLOC_ZERO                                                                                    \
  }

/* Opens what was `current` before the one that is open as fd; -1: the newest. -1 and ENOENT if that is gone. */
extern int logfiles_before(logfiles *seen, int dir, int fd);
/* Opens what came after the one that is open as fd; -1: the oldest. -1 and ENOENT if there is nothing yet. */
extern int logfiles_next(int dir, int fd);
extern void logfiles_free(logfiles *seen);

#endif
