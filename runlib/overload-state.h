#ifndef RUNLIB_OVERLOAD_STATE_H
#define RUNLIB_OVERLOAD_STATE_H

#include <stdint.h>

#include <runlib/overload.h>

#include "gauge.h"

/*
 * What the monitor publishes at every poll, in the file `state` of its directory: lines `NAME VALUE`, always
 * STATE_TEXT bytes, written in place by one call. Status, the dashboard and the next monitor read it.
 */

#define STATE_TEXT 4096

#define LEVELS 2

typedef struct threshold_s threshold;
struct threshold_s
{
  int used; /* 0: the level does not depend on this gauge */
  uint64_t enter;
  uint64_t leave; /* not worse than enter */
  uint64_t up;    /* milliseconds */
  uint64_t down;
};

typedef struct rules_s rules;
struct rules_s
{
  threshold at[LEVELS][GAUGES]; /* at[0] is level 1 */
  uint64_t unknown;             /* ms that a cell stays raised while its gauge is unknown; 0: for ever */
};

typedef enum state_mode_e
{
  MODE_AUTO, /* what is measured decides */
  MODE_ON,   /* held by `mailctl overload on` */
  MODE_OFF,  /* held by `mailctl overload off` */
  MODE_HAND  /* a flag that a person made: touch control/overloaded */
} state_mode;

typedef struct monitor_state_s monitor_state;
struct monitor_state_s
{
  uint64_t time;     /* of the poll: wall clock, seconds */
  uint64_t lifetime; /* older than this many seconds: no monitor runs */
  uint64_t since;    /* of the present level */
  uint64_t until;    /* end of the hold; 0: none */
  state_mode mode;
  unsigned int level;               /* acted upon: 0, 1, 2 */
  unsigned int measured;            /* what it would be without a hold */
  unsigned int hooked;              /* the level that commands were last run for */
  unsigned int raised[LEVELS];      /* bits (1 << gauge): what keeps up level 1, and 2 */
  char reason[OVERLOAD_REASON + 1]; /* of the present level, or of the hold; empty at level 0 */
  sample x;                         /* gauges that nobody asked for are absent */
  rules r;                          /* the thresholds in force */
};

extern char const *state_mode_name(state_mode m); /* auto, on, off, hand */
/* Fills s (STATE_TEXT bytes) to the last byte. */
extern void state_text(char *s, monitor_state const *m);
extern void state_parse(monitor_state *m, char const *bytes, size_t len);

/*
 * The directory is RUN/overload. Returns 0, or -1 and errno (ENOENT: there was no monitor yet). Whether one
 * runs now: state_fresh.
 */
extern int state_read(monitor_state *m, char const *directory);
extern int state_write(monitor_state const *m, char const *directory);
extern int state_fresh(monitor_state const *m, uint64_t now);

#endif
