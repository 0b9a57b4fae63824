#ifndef SERVICES_MONITOR_ACT_H
#define SERVICES_MONITOR_ACT_H

#include <runlib/overload-hold.h>
#include <runlib/overload-state.h>
#include <runlib/overload.h>

#include "thresholds.h"

/* Pure: who decides, and what. */

/*
 * Sets mode, level, until and measured of m, and its reason and since where the level or the mode is
 * another than before. flag: the flag as it stands; one that a person made comes first. now: wall clock,
 * seconds. Returns 1 if anything changed that the log should tell.
 */
extern int act_decide(monitor_state *m, machine const *measured, hold const *h, overload const *flag,
                      uint64_t now);

#define ACT_TEXT (64 + OVERLOAD_REASON + 2 * SAMPLE_TEXT)

/* `level 0 -> 1, auto: backlog 153 (enters at 100); backlog 153, oldest 12s`, into s (ACT_TEXT bytes). */
extern void act_text(char *s, unsigned int before, monitor_state const *m, unsigned int asked);

#endif
