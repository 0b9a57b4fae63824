#ifndef SERVICES_SPOOL_MESSAGE_H
#define SERVICES_SPOOL_MESSAGE_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include <runlib/envelope.h>

/* A message of the spool, open. All return 0, or -1 and errno. */
typedef struct message_s message;
struct message_s
{
  int fd;
  int marks;         /* whether marks can be written */
  uint64_t len;      /* of the message itself */
  stralloc envelope; /* complete and checked */
};
#define MESSAGE_ZERO                                                                                         \
  {                                                                                                          \
    .fd = -1, .marks = 0, .len = 0, .envelope = STRALLOC_ZERO                                                \
  }

/* Opens the file name in the folder `at`. EPROTO: it is there, but no message of ours. */
extern int message_open(message *m, int at, char const *name);
/* The same for a descriptor, which is closed on failure too. */
extern int message_open_fd(message *m, int fd);
extern void message_close(message *m);
/* Sets a recipient's mark in memory and in the file. A file that cannot be written is no reason to fail. */
extern void message_mark(message *m, size_t place, char mark);
/* Copies the message, from its beginning, to fd. */
extern int message_copy(message const *m, int fd);

/*
 * Whether the header has a line `Delivered-To: address`, in any case: 1, 0, or -1 and errno.
 * Looks at the first MESSAGE_HEADER_MAX bytes.
 */
#define MESSAGE_HEADER_MAX 262144U
extern int message_was_at(message const *m, char const *address);
/* The same for a header in memory. Pure. */
extern int header_was_at(char const *s, size_t len, char const *address);
/* s and what is not printed as it is becomes `?`: for the log and for header lines. */
extern int printable(stralloc *sa, char const *s);

#endif
