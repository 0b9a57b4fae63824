#ifndef SERVICES_SPOOL_QUEUE_H
#define SERVICES_SPOOL_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include <services/spool/spoolname.h>

/*
 * Writes one message into a spool: what spool-queue does, for any program that links it.
 * Bytes go to SPOOL/tmp/NAME; queue_commit makes them a message of SPOOL/todo, durably.
 * All return 0, or -1 and errno; after -1, queue_abort.
 */
#define QUEUE_BUFFER 65536U

typedef struct queue_s queue;
struct queue_s
{
  char const *spool; /* not owned */
  int fd;
  uint64_t message;         /* bytes of the message so far */
  char name[SPOOLNAME_FMT]; /* below tmp/, later below todo/ */
  size_t len;               /* bytes that wait in the buffer */
  char buffer[QUEUE_BUFFER];
};

extern int queue_open(queue *q, char const *spool);
extern int queue_put(queue *q, char const *s, size_t n);
/*
 * envelope: complete and checked, see envelope.h. Returns 0 when the message, its envelope and its entry in todo/ are on disk. -1 and errno: it is not queued,
 * and its file is gone. A message that spool-deliver took away while it was being synced is queued:
 * spool-deliver removes only what is safe elsewhere.
 */
extern int queue_commit(queue *q, char const *envelope, size_t len);
extern void queue_abort(queue *q);

#endif
