#ifndef RATER_RULES_INTERNAL_H
#define RATER_RULES_INTERNAL_H

#include "rules.h"

/* Reads 1.2.3.4 or 2001:db8::1; ::ffff:1.2.3.4 is IPv4. Returns the family, 4 or 6, or 0. */
extern int net_scan(char const *s, size_t n, unsigned char *ip);
/* Reads ADDRESS/BITS, or ADDRESS alone, which is all its bits. Returns the family or 0. */
extern int net_scan_prefix(char const *s, size_t n, unsigned char *ip, uint8_t *bits);
extern int net_has(unsigned char const *net, unsigned int bits, unsigned char const *ip);
extern void net_mask(unsigned char *ip, unsigned int bytes, unsigned int bits);

#endif
