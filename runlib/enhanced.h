#ifndef RUNLIB_ENHANCED_H
#define RUNLIB_ENHANCED_H

#include <stddef.h>

/* Enhanced status codes (RFC 3463): `4.3.2`. */

/* Bytes of the code that s, of len bytes, begins with, and after which comes a blank or the end; 0: it does not. */
extern size_t enhanced_at(char const *s, size_t len);

/*
 * The code that belongs before the text s of a reply of class c, `4` or `5`: that which qmail's programs put at its
 * end, `(#5.7.1)`, else fallback. *n is its length, 0 where s begins with a code.
 */
extern char const *enhanced_for(char c, char const *s, size_t len, char const *fallback, size_t *n);

#endif
