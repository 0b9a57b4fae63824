#ifndef RATER_REQUEST_H
#define RATER_REQUEST_H

#include <stddef.h>
#include <stdint.h>

/*
 * What clients say: raterd(8), "PROTOCOL". A line is `CLASS VALUE`, or a verb behind `!`, with which no
 * class can begin. A request points into its line.
 */

#define REQUEST_MAX 1024 /* bytes of a line, without its newline */

typedef enum verb_e
{
  VERB_CHECK,
  VERB_ADD,
  VERB_UNDO,
  VERB_OPEN,
  VERB_PEEK,
  VERB_RESET,
  VERB_TOP,
  VERB_STATS,
  VERB_LIMITS
} verb;

typedef struct request_s request;
struct request_s
{
  verb verb;
  uint64_t number; /* ADD, UNDO: how many; OPEN: seconds; TOP: how many at most */
  char const *class;
  size_t class_len; /* STATS and LIMITS, TOP: 0 means all */
  char const *value;
  size_t value_len;
};

/*
 * Reads a line without its newline; a CR at its end is not part of it. verbs: whether `!` is understood.
 * Returns 0, or what is wrong (static), to be answered with 2.
 */
extern char const *request_scan(char const *s, size_t n, int verbs, request *r);

#endif
