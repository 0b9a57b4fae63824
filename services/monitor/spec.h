#ifndef SERVICES_MONITOR_SPEC_H
#define SERVICES_MONITOR_SPEC_H

#include <services/contract/key.h>

#include "thresholds.h"

/*
 * What mailctl.conf says of a signal: `ENTER [LEAVE] [severe ENTER [LEAVE]] [dwell UP DOWN]`, numbers with
 * the units of the signal's type (key.h), dwell in times.
 */

/*
 * Reads text into the thresholds of the gauge g, which hold its dwell times beforehand. A LEAVE that is not
 * given is half of ENTER, or for a gauge whose small numbers are bad, twice as much.
 * Returns 0, or what is wrong, in words (static).
 */
extern char const *spec_parse(threshold t[LEVELS], gauge_number g, key_type type, char const *text);
/* The LEAVE for an ENTER, where none is given. */
extern uint64_t spec_leave(gauge_number g, uint64_t enter);
/* What is wrong with one gauge's thresholds, in words (static), or 0. */
extern char const *spec_wrong(gauge_number g, threshold const t[LEVELS]);

#endif
