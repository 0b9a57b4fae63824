#ifndef SERVICES_SPOOL_ADMIT_H
#define SERVICES_SPOOL_ADMIT_H

#include <stddef.h>
#include <stdint.h>

#include <runlib/spoolname.h>

/*
 * What spool-intake does with the requests of runlib/handover.h. Files in tmp/ are ours, and their names secret; the
 * client has one open for writing until it asks to have it queued.
 */
#define ADMIT_BATCH 64U /* messages whose syncs are shared */

typedef struct admitted_s admitted;
struct admitted_s
{
  int reply;
  int fd;
  int at; /* the directory that it is in by now */
  char name[SPOOLNAME_FMT];
};

typedef struct admit_s admit;
struct admit_s
{
  char const *path; /* SPOOL, for the log */
  int tmp;          /* directories */
  int todo;
  int held;
  uint64_t most; /* bytes of a file; 0: no limit */
  unsigned int n;
  admitted waiting[ADMIT_BATCH]; /* named, and not yet synced */
};

/*
 * Serves one request of len bytes, which may be anything, and closes reply; a message that is to be queued waits for
 * admit_flush. There must be room for one.
 */
extern void admit_request(admit *a, char const *request, size_t len, int reply);
/* Makes durable what waits, and answers. */
extern void admit_flush(admit *a);

/* Whether the file system of tmp/ can prove that nobody has a file open for writing: 0, or -1 and errno. */
extern int admit_probe(admit const *a);

#endif
