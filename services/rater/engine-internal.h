#ifndef RATER_ENGINE_INTERNAL_H
#define RATER_ENGINE_INTERNAL_H

#include "engine.h"

/* What is said to a question: what the limit that decides says. */
typedef struct decision_s decision;
struct decision_s
{
  limit const *limit;
  limit share; /* limit, where it is this machine's share */
  verdict verdict;
  int first; /* refused: the attempt before it was not */
};

/* This machine's share of a limit. */
extern limit engine_share_of(engine const *e, limit const *l);
/* Tells Redis later what was admitted, or undone, without it. */
extern void engine_owe(engine *e, question const *w);
/* Finds the value's rule, and returns the key's hash; 0 where nothing is counted. */
extern uint64_t engine_key(engine const *e, question const *w, int whole, subject *s);
extern int decision_refused(decision const *d);
/* A question about value, as a line would ask it; what a line has no room for is left out. */
extern void engine_ask(engine const *e, class const *c, char const *value, uint64_t quantity, asker who,
                       question *w);
/* Counts a check that has a hash. */
extern void engine_count(engine *e, question const *w, decision *d);
/* Takes it back. Returns whether there was something. */
extern int engine_undo(engine *e, question const *w);
/* Whether one more line may be logged now, and anybody wants to know. */
extern int engine_may_log(engine *e);

/* Counts a check, and notes a refusal on the class's board and in the log. */
extern void engine_note(engine *e, question const *w, decision const *d);
/* Notes that somebody logged in there: it is not blocked for a week. */
extern void engine_note_login(engine *e, subject const *s);
extern void engine_unblock(engine *e, question const *w, subject const *s);
extern void offender_forget(board *b, uint64_t hash);

/* The answers in JSON, each a line: `0 {...}`. Return 0, or -1 and errno. */
extern int report_top(engine *e, request const *q, stralloc *out);
extern int report_stats(engine *e, unsigned int may, stralloc *out);
extern int report_limits(engine *e, request const *q, stralloc *out);

/* Appends s as a JSON string; a byte that is no UTF-8 becomes the character of its number. */
extern int report_string(stralloc *sa, char const *s, size_t n);
/* Appends `"name":number` behind a comma unless behind a brace. */
extern int report_number(stralloc *sa, char const *name, uint64_t u);

/*
 * Windows: a value is let in until a time that somebody set, and nobody else is. Answers `0 1/1 SECONDS` where there is one, for
 * so long; `1 0/1 -` where there is none, or no rule takes the value (hash 0).
 */
extern int engine_window(engine *e, uint64_t hash, stralloc *out);
/* Opens one for the seconds that were asked for, its rule's PERIOD at most; one that lasts longer stays. */
extern int engine_open(engine *e, question const *w, stralloc *out);

#endif
