#ifndef SERVICES_SPOOL_DELIVER_INTERNAL_H
#define SERVICES_SPOOL_DELIVER_INTERNAL_H

#include <runlib/mailbox.h>

#include <services/spool/deliver.h>
#include <services/spool/history.h>

/* What the files of a delivery share: the messages at hand, and the files that are written and not yet synced. */

#define DELIVER_PENDING 128U
#define DELIVER_NAME    256U /* of a file name, with its NUL */

typedef struct job_s job;
struct job_s
{
  message m;
  history history;
  char const *name;
  void *maildirs;        /* that have the message for certain, a tree (tsearch) */
  int out;               /* spool-send has something to do */
  int failed;            /* spool-send must look again, and tell the sender */
  int noted;             /* it may have notes */
  int left;              /* the share of its source is gone: the rest comes in the next pass */
  unsigned int deferred; /* recipients that must be tried again */
  unsigned int refused;
  stralloc why; /* of those who are refused, and who has it by LMTP or from a program: as notes.h has it */
  stralloc taken;
};

/* A file that is written to a Maildir's tmp and not yet synced. */
typedef struct pending_s pending;
struct pending_s
{
  job *j;
  recipient r;
  int fd; /* -1: it was there already */
  int maildir;
  int done; /* 0, or it was synced, 2: and its directory too */
  char name[DELIVER_NAME];
  char directory[MAPPING_NAME_MAX + 1];
};

typedef struct batch_s batch;
struct batch_s
{
  spool *s;
  unsigned int jobs;
  unsigned int pendings;
  job job[DELIVER_BATCH];
  pending pending[DELIVER_PENDING];
};

/* deliver.c: a line of the log; a recipient that must wait: what failed, where, by errno */
extern void deliver_say(char const *what, char const *name, char const *address, char const *between,
                        char const *detail);
extern void deliver_defer(batch *b, job *j, recipient const *r, char const *verb, char const *where);

/* The recipient is refused for good, in words that may have a status, `(#5.2.2)`. */
extern void deliver_refuse(batch *b, job *j, recipient const *r, char const *why);
/* Somebody else said no: for good, or for now, which becomes for good when the message has its lifetime behind it. */
#define DELIVER_LIFETIME 432000u /* seconds */
extern void deliver_result(batch *b, job *j, recipient const *r, int refuses, char const *why);
/* A target that is no Maildir has the message. It is noted in case the message must wait for another. */
extern void deliver_taken(job *j, char const *target);

/* settle.c: once nobody of the message waits: who is refused becomes a report to the sender. */
extern void settle_refused(spool *s, job *j);

/* putlmtp.c: hands the message over to a mailbox, at the latest when the job's recipients are through. */
extern void putlmtp_add(batch *b, job *j, recipient const *r, char const *name);
extern void putlmtp_flush(batch *b, job *j);

/* put.c: the message as a Maildir has it */
extern int put_write(int fd, job const *j, recipient const *r);
/* Whether a target has the message for certain. */
extern int put_has(job const *j, char const *target);
/*
 * put.c: begins the file of a recipient, the message's number-th, in a Maildir. What fails defers the recipient. A
 * Maildir gets a message once, whatever recipients lead to it. begun: an earlier delivery may have got as far as new/.
 */
extern void put_file(batch *b, job *j, recipient const *r, unsigned int number, char const *directory,
                     int begun);
/* Syncs and moves to new/ what was begun, at the latest before the batch ends. */
extern void put_flush(batch *b);
/* Notes that a Maildir has the message. Without memory it is not noted: it may come twice then. */
extern void put_note(job *j, char const *directory);

#endif
