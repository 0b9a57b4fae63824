#ifndef CTL_COMMAND_MAINTAIN_H
#define CTL_COMMAND_MAINTAIN_H

#include <time.h>

#include <skalibs/stralloc.h>

#include <ctl/machine/load.h>
#include <ctl/status/snapshot.h>

/* The report of `mailctl maintenance`, as it is made: each part looks at one thing, and adds what it has to say. */
typedef struct report_parts_s report_parts;
struct report_parts_s
{
  context const *cx;
  stored st;
  snapshot s;
  struct timespec since; /* of the report before */
  time_t now;
  unsigned int log_days;  /* rotated logs that are older are removed; 0: they stay */
  stralloc needs;         /* what a person must do, a line each */
  stralloc events;        /* what happened since then */
  stralloc status_fields; /* how it stands */
  stralloc keys;          /* what all that is about, without numbers that change every day: a line each */
};
#define REPORT_PARTS_ZERO                                                                                    \
  {                                                                                                          \
    .st = STORED_ZERO, .s = SNAPSHOT_ZERO                                                                    \
  }

/* Each returns 0, or -1 and ENOMEM; what could not be found out is itself in the report. */
extern int maintain_mail(report_parts *p);
extern int maintain_strangers(report_parts *p);
extern int maintain_services(report_parts *p);
extern int maintain_disks(report_parts *p);
extern int maintain_check(report_parts *p);
extern int maintain_updates(report_parts *p);
extern int maintain_logs(report_parts *p);

/* Adds a line to needs, and what it is about to keys. */
extern int maintain_need(report_parts *p, char const *about, char const *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
