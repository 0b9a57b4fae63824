#ifndef RUNLIB_RUN_H
#define RUNLIB_RUN_H

#include <stddef.h>

#include <skalibs/stralloc.h>

/*
 * Runs the program argv[0], looked up on PATH, with these n bytes (up to 64 kB) as its standard input, and waits for its
 * end, at most ms milliseconds; then it is killed. said: what it writes to standard output and standard error is appended,
 * up to 64 kB; 0: both stay the caller's. The program has no signal
 * blocked, and is killed when the caller dies.
 * Returns its exit code, 256 plus the signal that killed it, or -1 and errno (ENOENT: no such program; ETIMEDOUT;
 * EMSGSIZE: input that it does not read, or output without end).
 */
extern int run_wait(char const *const *argv, char const *input, size_t n, stralloc *said, unsigned int ms);

#endif
