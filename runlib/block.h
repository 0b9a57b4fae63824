#ifndef RUNLIB_BLOCK_H
#define RUNLIB_BLOCK_H

#include <runlib/nets.h>

/*
 * Who is blocked at the door: files that a listener reads again whenever they have changed. A line each:
 *
 *   NETWORK block UNTIL REASON...   nobody of it is served until then
 *   NETWORK pass UNTIL REASON...    nobody of it is blocked until then, whatever other lines and files say
 *
 * NETWORK is what nets_scan reads; UNTIL a time such as 2026-11-28T15:40:00Z, or `-`: for good. Of several lines for one
 * network that are alike, the one that lasts longest counts. Empty lines and those that begin with `#` say nothing.
 */
#define BLOCK_FILE_MAX (4u << 20) /* bytes of a file that are read */
#define BLOCK_TIME     24         /* bytes of a time, with its NUL */

typedef struct block_s block;
struct block_s
{
  net net; /* with its until */
  int pass;
  char const *reason; /* points into the line; may be empty */
};

/* Reads a line, which it cuts in words. Returns 1; 0: it says nothing; -1: it is wrong. */
extern int block_scan(char *line, block *b);
/*
 * Calls each for every line that says something: b 0 where it is wrong, line from 1; b does not outlive the call. A file
 * that is not there has no lines. Root follows no link of another user's (runlib/walk.h). Returns 0, or -1 and errno.
 */
extern int block_read(char const *file, void (*each)(void *data, block const *b, unsigned int line),
                      void *data);
/* Writes a time (seconds since 1970, or NET_EVER) with a NUL into s (BLOCK_TIME bytes). */
extern void block_time(char *s, uint64_t t);

#endif
