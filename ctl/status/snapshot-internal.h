#ifndef CTL_STATUS_SNAPSHOT_INTERNAL_H
#define CTL_STATUS_SNAPSHOT_INTERNAL_H

#include <ctl/status/snapshot.h>

/* Each fills its part of s. 0, or -1 and ENOMEM. */
extern int snapshot_take_services(snapshot *s, stored const *st, snapshot const *before);
/* Restarts and last exits, from STATE/journal. */
extern int snapshot_take_journal(snapshot *s, stored const *st);
/* The last run and the next of each job. */
extern int snapshot_take_jobs(snapshot *s, stored const *st);
extern int snapshot_take_queue(snapshot *s, stored const *st);
extern int snapshot_take_daemons(snapshot *s, stored const *st);
extern int snapshot_take_milters(snapshot *s, stored const *st);
extern int snapshot_take_rater(snapshot *s, stored const *st, snapshot const *before);
extern int snapshot_take_logs(snapshot *s, stored const *st);

/* A copy that lives as long as s; control characters become `?`. 0 and ENOMEM. */
extern char const *snapshot_keep(snapshot *s, char const *text, size_t len);
/* The same as a datum. 0, or -1 and ENOMEM. */
extern int snapshot_words(status_value *d, snapshot *s, char const *text);

#define SNAPSHOT_PATH 320
/* dir/file. A service's name has less than 256 bytes; what is too long is "", which is no file. */
extern char const *snapshot_path(char path[SNAPSHOT_PATH], char const *dir, char const *file);

extern void status_value_count(status_value *d, uint64_t n);
extern void status_value_real(status_value *d, double x);
extern void status_value_time(status_value *d, tain const *t);
/* 0: NONE. Seconds since 1970. */
extern void status_value_epoch(status_value *d, uint64_t seconds);
/* text: not copied. */
extern void status_value_text(status_value *d, char const *text);
extern void status_value_none(status_value *d);

#endif
