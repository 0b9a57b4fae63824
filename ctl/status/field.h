#ifndef CTL_STATUS_FIELD_H
#define CTL_STATUS_FIELD_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>
#include <skalibs/tai.h>

/*
 * The one table of all that can be said of a bundle. The table of `mailctl status`, -o, --json, --metrics and
 * the dashboard show what it has, so that they never disagree. Names are stable: scripts use them.
 */

typedef enum known_e
{
  UNKNOWN, /* it could not be found out: never shown as zero */
  NONE, /* there is no such thing: the pid of what does not run, the TLS sessions of a bundle without TLS */
  KNOWN
} known;

typedef struct status_value_s status_value;
struct status_value_s
{
  known known;
  union
  {
    uint64_t n; /* FIELD_COUNT, FIELD_BYTES, FIELD_SECONDS; FIELD_YES: 0 or 1 */
    double real;
    tain time; /* wall clock */
    char const *text;
  };
};
#define STATUS_VALUE_ZERO                                                                                    \
  {                                                                                                          \
    .known = UNKNOWN, .n = 0                                                                                 \
  }

typedef enum status_field_type_e
{
  FIELD_TEXT,
  FIELD_COUNT,
  FIELD_REAL,
  FIELD_PERCENT, /* real */
  FIELD_BYTES,
  FIELD_SECONDS, /* a length of time, whole seconds */
  FIELD_TIME,    /* a moment */
  FIELD_YES
} status_field_type;

typedef enum status_field_scope_e
{
  FIELD_SERVICE, /* of each service: `at` counts from its service_fields */
  FIELD_BUNDLE   /* of the whole: `at` counts from the snapshot */
} status_field_scope;

typedef enum status_field_metric_e
{
  METRIC_NONE,
  METRIC_GAUGE,
  METRIC_COUNTER, /* only grows */
  METRIC_WORD     /* a gauge of value 1 whose label says it */
} status_field_metric;

typedef struct status_field_s status_field;
struct status_field_s
{
  char const *name; /* `restarts`, `queue.backlog` */
  char const *title;
  char const *help; /* one line, no full stop */
  status_field_type type;
  status_field_scope scope;
  status_field_metric metric;
  unsigned int column; /* its place in the table of services, from 1; 0: not there */
  unsigned int keep;   /* columns with the smallest go first where the terminal is narrow; 0: never goes */
  size_t at;           /* of its status_value */
};

/* Sorted by name. */
extern status_field const status_fields[];
extern size_t const status_fields_count;

/* 0: there is none of that name. */
extern status_field const *status_field_find(char const *name, size_t len);
/* The one whose datum lies there, as offsetof tells: so a field that is renamed does not compile. 0: there is none. */
extern status_field const *status_field_at(status_field_scope scope, size_t at);
/* The fact's datum in s, or in the service_fields of one service. */
#define status_field_value(f, s) ((status_value const *)((char const *)(s) + (f)->at))

#define FIELD_WORDS 64 /* bytes for a datum in words; a longer text is given itself */

/* For people: `12 s`, `3.1M`, `4.2%`, `unknown`; `-`: there is none. now: for moments. */
extern char const *status_field_human(char s[FIELD_WORDS], status_field const *f, status_value const *d,
                                      tain const *now);
/* For programs: whole numbers, RFC 3339 (UTC, ms), `yes` and `no`, `unknown`, `-`. */
extern char const *status_field_plain(char s[FIELD_WORDS], status_field const *f, status_value const *d);
/* RFC 3339. */
extern char const *status_field_time(char s[FIELD_WORDS], tain const *t);

#endif
