#ifndef SERVICES_SPOOL_ATTEMPT_H
#define SERVICES_SPOOL_ATTEMPT_H

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include <services/spool/message.h>
#include <services/spool/schedule.h>

/* One delivery by remote: a message, its recipients at one destination, and what comes back. */

#define ATTEMPT_RECIPIENTS 100U     /* those after them wait for the next attempt */
#define ATTEMPT_REPORT_MAX 1048576U /* bytes */
#define ATTEMPT_SECONDS    3600 /* after which it is given up; remote(8) has bounds of its own for each step */

typedef struct attempt_s attempt;
struct attempt_s
{
  uint32_t parcel; /* SCHEDULE_NONE: this place is free */
  int fd;          /* to remote */
  uint64_t begun;  /* microseconds since 1970 */
  unsigned int n;
  message m;
  size_t marks[ATTEMPT_RECIPIENTS]; /* places in the envelope */
  char const *to[ATTEMPT_RECIPIENTS];
  stralloc report;
};

/*
 * Begins an attempt: directory has the message. Returns 1; 0, there is nothing for that host, or no such message (any more);
 * -1 and errno: it must wait, because of remote (EHOSTDOWN: its socket is not served) or the system.
 */
extern int attempt_begin(attempt *a, int directory, char const *name, char const *host, char const *socket);
/* Reads what has come. Returns 1 at the report's end, whatever the reason, else 0. */
extern int attempt_read(attempt *a);
/* Whether recipients at host are left that this attempt was not for. */
extern int attempt_left(attempt const *a, char const *host);
extern void attempt_end(attempt *a);

#endif
