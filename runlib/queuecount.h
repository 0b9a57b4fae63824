#ifndef RUNLIB_QUEUECOUNT_H
#define RUNLIB_QUEUECOUNT_H

#include <stdint.h>

/*
 * Counts the messages of a queue: the regular files in a directory, and in those of its
 * subdirectories whose names are numbers (qmail's split todo, `todo/0` to `todo/22`; mess/ and the
 * like). Anything else (sockets, links, other directories, names with a dot in front) is no message. One level, no shell, and a
 * stat only where the file system does not tell the type, or for the files whose age is wanted.
 */

typedef struct queuecount_s queuecount;
struct queuecount_s
{
  uint64_t files;  /* seen so far, over all the queues added */
  uint64_t aged;   /* of those, how many were asked for their age */
  uint64_t oldest; /* the smallest modification time among them, seconds since 1970; 0: none */
  int more;        /* 1: stopped at the limit, so there may be more files, and older ones */
};
#define QUEUECOUNT_ZERO                                                                                      \
  {                                                                                                          \
    .files = 0, .aged = 0, .oldest = 0, .more = 0                                                            \
  }

/*
 * Adds the files of dir to q, so that several queues are counted by several calls.
 * limit: stop as soon as q->files reaches it (more is set; further calls then do nothing); 0: count all.
 * ages: look at the times of the first so many files (q->aged counts them over all calls); 0: of none,
 * UINT64_MAX: of all. A time costs about three times as much as the counting.
 * A file or subdirectory that goes away meanwhile is not counted. Returns 0; or -1 and errno when dir or
 * one of its subdirectories cannot be read (EACCES, ENOENT for dir itself, EMFILE...), and q is unchanged:
 * that is "unknown", never zero.
 */
extern int queuecount_add(queuecount *q, char const *dir, uint64_t limit, uint64_t ages);

#endif
