#ifndef SERVICES_JOB_SCHEDULE_H
#define SERVICES_JOB_SCHEDULE_H

#include <skalibs/stralloc.h>

/*
 * When a job runs, as options of snooze(1), between blanks, appended without a NUL:
 *
 *   daily HH:MM | weekly DAY HH:MM | monthly N HH:MM | every TIME
 *
 * Returns 0, or what is wrong, as words that can follow "schedule: " (static).
 */
extern char const *schedule_options(stralloc *sa, char const *text);

#endif
