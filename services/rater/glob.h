#ifndef RATER_GLOB_H
#define RATER_GLOB_H

#include <stddef.h>

/*
 * Shell patterns over bytes: `*`, `?`, `[a-z]`, `[!a-z]`, `\` before a character that stands for
 * itself. Not fnmatch(): that one depends on the locale, and stars can make it take for ever; this
 * one takes at most pattern times value steps.
 */
extern int glob_match(char const *pattern, size_t plen, char const *s, size_t n);

/* Whether pattern can be one: 0, or what is wrong (static). */
extern char const *glob_wrong(char const *pattern, size_t plen);

#endif
