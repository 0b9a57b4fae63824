#ifndef RUNLIB_UTF8_H
#define RUNLIB_UTF8_H

#include <stddef.h>

/*
 * The character at s (len bytes, at least 1) in *u, and its length in bytes as the result. What must not reach
 * a terminal, because it is a command or makes a line look like another one, is given as `?`: control
 * characters (C0, DEL, C1), those that turn the direction of writing, and a byte that is not UTF-8 (RFC 3629).
 */
extern size_t utf8_scan(unsigned int *u, char const *s, size_t len);

/* The length in bytes of the character at s (len bytes, at least 1), 0 if it is not UTF-8. */
extern size_t utf8_length(char const *s, size_t len);

#endif
