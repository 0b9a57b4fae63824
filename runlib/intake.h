#ifndef RUNLIB_INTAKE_H
#define RUNLIB_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#include <runlib/spoolname.h>

/*
 * Writes one message into a spool: what spool-queue does, for any program that links it.
 * Bytes go to SPOOL/tmp/NAME; intake_finish makes them a message of SPOOL/todo, durably. Where the spool is another
 * user's, SPOOL is the socket of its spool-intake, which does both (handover.h).
 * The others return 0, or -1 and errno; after -1, intake_abort.
 */
#define INTAKE_BUFFER 65536U

/* Bytes of a message, where control/databytes does not say: for those who take it, and for spool-intake. */
#define INTAKE_MESSAGE 52428800U

/* qmail-queue(8)'s exit codes: 11 to 40 are for good, the others may go away. */
#define INTAKE_ADDRESS_LONG 11
#define INTAKE_REFUSED      31
#define INTAKE_MEMORY       51
#define INTAKE_TIMEOUT      52
#define INTAKE_WRITE        53
#define INTAKE_READ         54
#define INTAKE_SPOOL        61
#define INTAKE_CREATE       63
#define INTAKE_ENVELOPE     91

typedef struct intake_s intake;
struct intake_s
{
  char const *spool; /* not owned */
  int handed;        /* it is a socket */
  int readable;      /* set before intake_open: what was put can be read again */
  int held;          /* set before intake_finish: the message goes to SPOOL/held, where nobody delivers it */
  int fd;
  uint64_t message;         /* bytes of the message so far */
  uint64_t chance;          /* in its names */
  char name[SPOOLNAME_FMT]; /* below tmp/, later below todo/ */
  size_t len;               /* bytes that wait in the buffer */
  char buffer[INTAKE_BUFFER];
};

extern int intake_open(intake *q, char const *spool);
/* A file without a name below directory, which can be read again and never be finished: for who only needs the rest. */
extern int intake_scratch(intake *q, char const *directory);
extern int intake_put(intake *q, char const *s, size_t n);
/* For reading without a copy: where the next bytes go (0: errno), how many fit, and how many were put there. */
extern char *intake_room(intake *q, size_t *n);
extern void intake_filled(intake *q, size_t n);
/* Reads what was put, from `at` on. Returns how many bytes, 0 at the end, or -1 and errno. */
extern long intake_read(intake const *q, uint64_t at, char *to, size_t max);
/*
 * Queues the message with this envelope (see envelope.h). Returns qmail-queue's exit code, and errno says more:
 * 0 only when the message, its envelope and its entry in todo/ are on disk; else it is not queued and its file
 * is gone. A message that spool-deliver took away while it was being synced is queued: spool-deliver removes
 * only what is safe elsewhere. Nothing is left to abort.
 */
extern int intake_finish(intake *q, char const *envelope, size_t len);
extern void intake_abort(intake *q);

#endif
