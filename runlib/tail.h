#ifndef RUNLIB_TAIL_H
#define RUNLIB_TAIL_H

#include <sys/types.h>

#include <skalibs/stralloc.h>

/*
 * Appends the last bytes of the regular file that is open as fd, at most max, from the beginning of a line on; of a last
 * line that has no end yet, what is there. *from, if asked for: where in the file that begins. Returns 0, or -1 and
 * errno (EINVAL: no regular file).
 */
extern int tail_read(stralloc *sa, int fd, size_t max, off_t *from);

#endif
