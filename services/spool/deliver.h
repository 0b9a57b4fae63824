#ifndef SERVICES_SPOOL_DELIVER_H
#define SERVICES_SPOOL_DELIVER_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include <runlib/mapping.h>
#include <runlib/srs.h>

#include <services/spool/lmtp.h>
#include <services/spool/message.h>
#include <services/spool/shares.h>
#include <services/spool/trim.h>

/* Everything that a delivery needs to know. Descriptors are of directories. */
typedef struct spool_s spool;
struct spool_s
{
  char const *path; /* SPOOL, for the log */
  char const *mailpath;
  char const *host; /* the end of Maildir names, with no `/` and no `:` */
  int todo;
  int tmp;
  int failed;
  int mail;
  int out; /* where spool-send takes messages from; 0: nothing goes out */
  int remote;
  unsigned int batch; /* messages at a time, 1 to DELIVER_BATCH: what the descriptors suffice for */
  shares shares;
  trimmed kept;               /* failed/, as it was when somebody looked, and what came since */
  uint64_t trimmed;           /* when that was; microseconds since 1970 */
  int notes;                  /* what happened to messages of more than one attempt */
  lmtp lmtp;                  /* path 0: mail goes to Maildirs */
  uint64_t quota;             /* bytes of a Maildir that has no limit of its own; 0: none */
  unsigned char key[SRS_KEY]; /* for senders of what is forwarded */
  mapping map;
  int stale; /* the control files say something else by now: whom map does not know may be known */
};

#define DELIVER_BATCH 32U /* messages whose syncs are shared */

typedef struct outcome_s outcome;
struct outcome_s
{
  unsigned int gone; /* messages that left todo/ */
  unsigned int deferred;
  unsigned int
      left; /* messages whose source has had its share of this pass, with recipients who wait for the next */
};

/*
 * Delivers messages of todo/, as many of the n as make one batch, and returns how many: each goes to its Maildirs, or comes back to its sender with the
 * reason, or stays, with its time of modification set to now, or, left for the next pass, without. Whatever happens to one is logged and does not
 * touch the others. Killed at any point, it loses nothing; the next delivery of what was at hand writes the
 * same Maildir names again, so that nothing appears twice unless the first copy was renamed out of new/ and cur/.
 */
extern unsigned int deliver_batch(spool *s, char const *const *names, unsigned int n, outcome *o);

/*
 * Writes failed/NAME: why (lines that end in newlines), the message, and an envelope of the recipients marked
 * DELIVER_REFUSED, in the spool's own format, on disk. Returns 0, or -1 and errno.
 */
#define DELIVER_REFUSED 'X'
#define DELIVER_RETRY   'R'
extern int failed_message(spool const *s, char const *name, message const *m, stralloc const *why);
/* Puts what is no message of ours out of the way, with the reason before it if it is a file that can be read. */
extern int failed_stranger(spool const *s, char const *name, char const *why);

/* Keeps failed/ within its bounds (trim.h): looks each minute, and whenever it has more. now: microseconds since 1970 */
extern void failed_trim(spool *s, uint64_t now);

#endif
