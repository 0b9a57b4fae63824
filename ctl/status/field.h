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

typedef struct datum_s datum;
struct datum_s
{
  known known;
  union
  {
    uint64_t n; /* FACT_COUNT, FACT_BYTES, FACT_SECONDS; FACT_YES: 0 or 1 */
    double real;
    tain time; /* wall clock */
    char const *text;
  };
};
#define DATUM_ZERO                                                                                           \
  {                                                                                                          \
    .known = UNKNOWN, .n = 0                                                                                 \
  }

typedef enum fact_type_e
{
  FACT_TEXT,
  FACT_COUNT,
  FACT_REAL,
  FACT_PERCENT, /* real */
  FACT_BYTES,
  FACT_SECONDS, /* a length of time, whole seconds */
  FACT_TIME,    /* a moment */
  FACT_YES
} fact_type;

typedef enum fact_scope_e
{
  FACT_SERVICE, /* of each service: `at` counts from its service_facts */
  FACT_BUNDLE   /* of the whole: `at` counts from the snapshot */
} fact_scope;

typedef enum fact_metric_e
{
  METRIC_NONE,
  METRIC_GAUGE,
  METRIC_COUNTER, /* only grows */
  METRIC_WORD     /* a gauge of value 1 whose label says it */
} fact_metric;

typedef struct fact_s fact;
struct fact_s
{
  char const *name; /* `restarts`, `queue.backlog` */
  char const *title;
  char const *help; /* one line, no full stop */
  fact_type type;
  fact_scope scope;
  fact_metric metric;
  unsigned int column; /* its place in the table of services, from 1; 0: not there */
  unsigned int keep;   /* columns with the smallest go first where the terminal is narrow; 0: never goes */
  size_t at;           /* of its datum */
};

/* Sorted by name. */
extern fact const facts[];
extern size_t const facts_count;

/* 0: there is none of that name. */
extern fact const *fact_find(char const *name, size_t len);
/* The one whose datum lies there, as offsetof tells: so a field that is renamed does not compile. 0: there is none. */
extern fact const *fact_at(fact_scope scope, size_t at);
/* The fact's datum in s, or in the service_facts of one service. */
#define fact_datum(f, s) ((datum const *)((char const *)(s) + (f)->at))

#define FACT_WORDS 64 /* bytes for a datum in words; a longer text is given itself */

/* For people: `12 s`, `3.1M`, `4.2%`, `unknown`; `-`: there is none. now: for moments. */
extern char const *fact_human(char s[FACT_WORDS], fact const *f, datum const *d, tain const *now);
/* For programs: whole numbers, RFC 3339 (UTC, ms), `yes` and `no`, `unknown`, `-`. */
extern char const *fact_plain(char s[FACT_WORDS], fact const *f, datum const *d);
/* RFC 3339. */
extern char const *fact_time(char s[FACT_WORDS], tain const *t);

#endif
