#ifndef RUNLIB_TCP_BLOCKS_H
#define RUNLIB_TCP_BLOCKS_H

#include <sys/stat.h>

#include <runlib/nets.h>
#include <runlib/tcp/endpoint.h>

/* Whom a listener does not serve: files as runlib/block.h has them, and an instruction directory of ipsvd's. */

#define BLOCKS_FILES 4

typedef struct blocks_s blocks;
struct blocks_s
{
  char const *files[BLOCKS_FILES];
  unsigned int n;
  struct stat seen[BLOCKS_FILES]; /* as they were read */
  nets block, pass;
  char const *ipsvd;      /* the directory, or 0 */
  unsigned int ipsvd_ttl; /* seconds for which a file there blocks; 0: for ever */
};

/*
 * Whether e is blocked at now (seconds since 1970). Reads files again that have changed; one that cannot be read, or has a
 * line that is wrong, is logged, and blocks nobody by what is wrong.
 *
 * Of ipsvd-instruct(5) one thing is known: a file by the name of an address, or of the first numbers of one, or `0`, that
 * its owner may neither read nor execute, denies. One that he may write goes ipsvd_ttl seconds after it was last accessed.
 */
extern int blocks_have(blocks *b, endpoint const *e, uint64_t now);

#endif
