#ifndef RATER_RULES_INTERNAL_H
#define RATER_RULES_INTERNAL_H

#include "rules.h"

typedef struct word_s word;
struct word_s
{
  char const *s;
  size_t n;
};

/* The next word; a backslash keeps the blank behind it in the word. Returns its length. */
extern size_t word_next(char const **s, size_t *n, word *w);
extern int word_is(word const *w, char const *s);
/* How much of it an error shows. */
extern int word_shown(word const *w);
/* Writes an error. Returns -1 and EINVAL. */
extern int rules_wrong(char *error, char const *format, ...) __attribute__((format(printf, 2, 3)));
/* Reads a time, in seconds where no unit is said; *ms is milliseconds. Returns 0, or -1. */
extern int span_scan(word const *w, uint64_t *ms);
/* Reads a rule without its class, as rules_add. r->pattern is allocated. */
extern int rule_scan(char const *s, size_t n, rule *r, char *error);

/* Reads 1.2.3.4 or 2001:db8::1; ::ffff:1.2.3.4 is IPv4. Returns the family, 4 or 6, or 0. */
extern int net_scan(char const *s, size_t n, unsigned char *ip);
/* Reads ADDRESS/BITS, or ADDRESS alone, which is all its bits. Returns the family or 0. */
extern int net_scan_prefix(char const *s, size_t n, unsigned char *ip, uint8_t *bits);
extern int net_has(unsigned char const *net, unsigned int bits, unsigned char const *ip);
extern void net_mask(unsigned char *ip, unsigned int bytes, unsigned int bits);

#endif
