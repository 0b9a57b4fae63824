#ifndef SERVICES_POLICY_LISTS_H
#define SERVICES_POLICY_LISTS_H

#include "resolve.h"
#include "settings.h"

/*
 * Asks each DNS list for the two entries that RFC 5782, 5 wants: one that is listed, and one that is not.
 * Prints a line for each that does not work, and one for a public resolver, which lists do not answer.
 * Returns how many lines that were.
 */
extern unsigned int lists_test(settings const *s, resolver *r, unsigned int ms);

#endif
