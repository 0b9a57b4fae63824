#ifndef CTL_CONF_SUGGEST_H
#define CTL_CONF_SUGGEST_H

#include <stddef.h>

/*
 * "did you mean ...?": the candidate nearest to a word that was not understood. Start with the word,
 * try every candidate, read best (0: none is near enough). Candidates are not copied.
 */
typedef struct suggest_s suggest;
struct suggest_s
{
  char const *word;
  char const *best;
  unsigned int distance; /* of best; at first one more than what is still near */
};

extern void suggest_start(suggest *s, char const *word);
extern void suggest_try(suggest *s, char const *candidate);

/*
 * How many letters must be added, dropped, changed or swapped with their neighbour to make b of a
 * (optimal string alignment). Words over 63 bytes are infinitely far: UINT_MAX.
 */
extern unsigned int suggest_distance(char const *a, char const *b);

#endif
