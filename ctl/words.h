#ifndef CTL_WORDS_H
#define CTL_WORDS_H

#include <stddef.h>

#include <skalibs/tai.h>

#define WORDS_MAX 64

/* How a process ended, from its wait status: "exit 111", "killed by SIGSEGV". Returns s (WORDS_MAX bytes). */
extern char const *words_exit(char *s, int wstat);
/* A length of time, coarse: "850 ms", "12 s", "3 min", "5 h", "12 d". */
extern char const *words_span(char *s, unsigned long long ms);
/* A wall-clock time in the local zone: 2026-11-22 11:20:01.123. */
extern char const *words_time(char *s, tain const *t);

#endif
