#ifndef RATER_ENGINE_INTERNAL_H
#define RATER_ENGINE_INTERNAL_H

#include "engine.h"

/* Notes a refusal on the class's board. */
extern void offender_note(board *b, uint64_t hash, char const *name, size_t len, uint32_t now);
extern void offender_forget(board *b, uint64_t hash);

/* The answers in JSON, each a line: `0 {...}`. Return 0, or -1 and errno. */
extern int report_top(engine *e, request const *q, stralloc *out);
extern int report_stats(engine *e, unsigned int may, stralloc *out);
extern int report_limits(engine *e, request const *q, stralloc *out);

/* Appends s as a JSON string; a byte that is no UTF-8 becomes the character of its number. */
extern int report_string(stralloc *sa, char const *s, size_t n);
/* Appends `"name":number` behind a comma unless behind a brace. */
extern int report_number(stralloc *sa, char const *name, uint64_t u);

#endif
