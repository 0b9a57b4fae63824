#ifndef RUNLIB_OVERLOAD_HOLD_H
#define RUNLIB_OVERLOAD_HOLD_H

#include <stdint.h>

#include <runlib/overload.h>

/*
 * What `mailctl overload on|off|auto` writes for the monitor, in the file `hold` of its directory: a first
 * line `on` or `off`, then lines `NAME VALUE` as in the flag: level, since, until, by, reason.
 */

#define HOLD_BY   32
#define HOLD_TEXT 512

typedef enum hold_kind_e
{
  HOLD_AUTO, /* no hold: what is measured decides */
  HOLD_ON,
  HOLD_OFF
} hold_kind;

typedef struct hold_s hold;
struct hold_s
{
  hold_kind kind;
  unsigned int level;   /* of HOLD_ON: 1 or 2 */
  uint64_t since;       /* wall clock, seconds, as until */
  uint64_t until;       /* 0: until somebody ends it */
  char by[HOLD_BY + 1]; /* whoever said so */
  char reason[OVERLOAD_REASON + 1];
};
#define HOLD_ZERO                                                                                            \
  {                                                                                                          \
    .kind = HOLD_AUTO, .level = 0, .since = 0, .until = 0, .by = "", .reason = ""                            \
  }

/* Anything that is no hold is HOLD_AUTO. An expired hold is given as it stands: see hold_expired. */
extern void hold_parse(hold *h, char const *bytes, size_t len);
extern int hold_expired(hold const *h, uint64_t now);
/* Whether both make the same flag. */
extern int hold_equal(hold const *a, hold const *b);

/* The monitor's directory; no such file is HOLD_AUTO. Returns 0, or -1 and errno with HOLD_AUTO. */
extern int hold_read(hold *h, char const *directory);
/* HOLD_AUTO removes the file. Returns 0, or -1 and errno (EACCES: neither root nor the bundle's user). */
extern int hold_write(hold const *h, char const *directory);
/* Removes the file if it still says h, or what makes the same flag. Returns 0, also if it does not; or -1 and errno. */
extern int hold_remove(hold const *h, char const *directory);

#endif
