#ifndef RUNLIB_JOURNAL_H
#define RUNLIB_JOURNAL_H

#include <stddef.h>

/*
 * STATE/journal: what happened to the services, for `mailctl history`. Text, a line an event:
 *
 *   @TAI64N start NAME pid PID
 *   @TAI64N death NAME exit CODE|signal NUMBER lived MS      (not commanded)
 *   @TAI64N stop NAME exit CODE|signal NUMBER lived MS       (commanded)
 *   @TAI64N command WORDS uid UID [by USER]        (USER: who became root by sudo)
 *   @TAI64N generation NUMBER
 *
 * At JOURNAL_SIZE bytes it becomes STATE/journal.old, and a new one is begun: it never takes more than
 * twice that.
 */

#define JOURNAL_SIZE 262144
#define JOURNAL_LINE 512 /* a longer line is cut */

/* Adds a line, stamped with the wall clock; one write, so that writers never mix. 0, or -1 and errno. */
extern int journal_add(char const *file, char const *format, ...) __attribute__((format(printf, 2, 3)));

#endif
