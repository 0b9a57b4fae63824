#ifndef RUNLIB_SPOOLNAME_H
#define RUNLIB_SPOOLNAME_H

#include <stdint.h>
#include <time.h>

/*
 * The names of messages: `SECONDS.MmicrosecondsPpidRrandom`, such as 1763809311.M000123P4711R0123456789abcdef.
 * They sort by time, and no two are alike, across processes, restarts, clock steps and containers that share
 * a spool and number their processes alike: hence the 64 random bits.
 */
#define SPOOLNAME_FMT 80 /* with the NUL */

extern void spoolname_fmt(char *s, struct timespec const *now, unsigned int pid, uint64_t random);
/* Microseconds since 1970 at which the message came, or 0 if the name is not such a name. */
extern uint64_t spoolname_birth(char const *s);

/*
 * When a message that was last tried at `tried` is due again, both in microseconds since 1970: pauses double
 * with the message's age, from one second to `most`. A message that was never tried (tried <= birth) is due,
 * and so is one that was tried in the future: the clock went back.
 */
extern uint64_t spoolname_due(uint64_t birth, uint64_t tried, uint64_t now, uint64_t most);

#endif
