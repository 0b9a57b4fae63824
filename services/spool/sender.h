#ifndef SERVICES_SPOOL_SENDER_H
#define SERVICES_SPOOL_SENDER_H

#include <stdint.h>
#include <sys/types.h>

#include <runlib/counters.h>

#include <services/spool/attempt.h>
#include <services/spool/deliver.h>
#include <services/spool/schedule.h>

/*
 * What spool-send knows. A message that goes out is a file in SPOOL/out, where spool-deliver puts it, then in SPOOL/remote,
 * where it stays until each of its recipients at other hosts has it or has failed. Its marks tell which.
 */
#define SENDER_ATTEMPTS 500U /* at once, at most */

typedef enum sender_counter_e
{
  COUNT_WAITING, /* a gauge: messages for one destination each */
  COUNT_RUNNING, /* a gauge: attempts */
  COUNT_SENT_EVEN,
  COUNT_SENT_ODD, /* recipients a minute, see counter_rate */
  COUNT_BOUNCED_EVEN,
  COUNT_BOUNCED_ODD, /* messages a minute */
  COUNT_DEFERRED,    /* a gauge: of those that wait, for destinations that fail */
  COUNT_OLDEST,      /* a gauge: when the oldest of them came, seconds since 1970; 0: none waits */
  SENDER_COUNTERS
} sender_counter;

typedef struct sender_s sender;
struct sender_s
{
  spool s; /* path, tmp, failed and host alone: the last is ours, in reports */
  int out;
  int remote;
  int notes;
  char const *socket; /* of remote */
  uint64_t lifetime;  /* microseconds */
  uint64_t warn;      /* the same; 0: never */
  uint64_t again;     /* nothing is begun before: remote or the system cannot take it */
  uint64_t
      reload; /* SPOOL/remote has messages that are not in the schedule: it is read then; 0: it has none */
  int away;   /* the log knows that remote is */
  unsigned int most;
  attempt attempts[SENDER_ATTEMPTS];
  schedule schedule;
  counter *counters[SENDER_COUNTERS];
};

/*
 * Reads the message in SPOOL/remote and schedules it for each of its destinations. One that nobody is left for is ended: its
 * sender is told of failures, and it is removed; what cannot be done now is done at `reload`. due 0: when its age says, else
 * then.
 */
extern void outgoing_add(sender *s, char const *name, uint64_t due);
/* Moves messages from SPOOL/out to SPOOL/remote and schedules them, as many as there is room for. */
extern void outgoing_take(sender *s);
/* Schedules all that is in SPOOL/remote and is not yet. Returns 0, or -1 and errno. */
extern int outgoing_load(sender *s);

/* Begins what is due. */
extern void sending_begin(sender *s, uint64_t now);
/* The attempt has something to say: where its report is complete, or it has lasted too long, it is ended. */
extern void sending_read(sender *s, attempt *a);

#endif
