#ifndef SERVICES_SMTPD_DRAFT_H
#define SERVICES_SMTPD_DRAFT_H

#include <skalibs/stralloc.h>

#include <runlib/intake.h>

#include "queue.h"

/*
 * The message that comes in, in the spool or on its way to a program. With milters it can be read again and be made
 * anew: then there are two of them until it is known which one it shall be, and one that fits into a buffer is in no file
 * before that. A program begins to read at the end.
 */
typedef struct draft_s draft;
struct draft_s
{
  int milters;         /* it may be read again */
  char const *program; /* 0: into the spool */
  char const *spool;   /* $SPOOL; 0: a file without a name, for program */
  stralloc const *vars;
  int error;       /* errno of what went wrong first */
  unsigned int at; /* of file: the one that is written */
  int whole;       /* of file: the one that is read, while the other is made anew; -1: the same */
  intake file[2];
  queue queue;
};

/* As the operations of these names. program is `builtin:spool`, or a path; vars live as long as the message. */
extern int draft_open(draft *d, char const *program, stralloc const *vars);
extern void draft_put(draft *d, char const *bytes, size_t len);
extern long draft_read(draft const *d, uint64_t at, char *to, size_t max);
extern int draft_again(draft *d);
extern int draft_settle(draft *d, int keep);
extern int draft_hold(draft *d);
extern int draft_close(draft *d, char const *envelope, size_t len, unsigned long *id);
extern void draft_abandon(draft *d);

#endif
