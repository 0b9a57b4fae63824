#ifndef SERVICES_SPOOL_MESSAGE_H
#define SERVICES_SPOOL_MESSAGE_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include <runlib/envelope.h>

#include <services/spool/history.h>

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

/* Opens the file name in the directory `at`. EPROTO: it is there, but no message of ours. */
extern int message_open(message *m, int at, char const *name);
/* The same for a descriptor, which is closed on failure too. */
extern int message_open_fd(message *m, int fd);
extern void message_close(message *m);
/* Sets a recipient's mark in memory and in the file. A file that cannot be written is no reason to fail. */
extern void message_mark(message *m, size_t place, char mark);
/* Copies the message, from its beginning, to fd. */
extern int message_copy(message const *m, int fd);

/* Reads the header, of MESSAGE_HEADER_MAX bytes at most; spool_history_free in any case. */
#define MESSAGE_HEADER_MAX 262144U
extern int message_history(message const *m, history *h);
/* s and what is not printed as it is becomes `?`: for the log and for header lines. */
extern int printable(stralloc *sa, char const *s);

#endif
