#ifndef RATER_SHOW_H
#define RATER_SHOW_H

#include <stddef.h>

/* raterd's answers as `rater` prints them on standard output. */

/* The whole answer as one JSON object on a line. */
extern void show_json(char const *answer, size_t n);
/* A report's JSON for people: a line a number, a table a list. Prints it as it is if it is no JSON. */
extern void show_report(char const *json, size_t n);

#endif
