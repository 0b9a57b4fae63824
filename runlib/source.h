#ifndef RUNLIB_SOURCE_H
#define RUNLIB_SOURCE_H

#include <stdint.h>

/*
 * Whom an IP address stands for, as a number: itself, or, for IPv6, its /64, of which one client has all. No two
 * sources have the same. 0: the text is no address.
 */
extern uint64_t source_number(char const *ip);

#endif
