#ifndef CTL_LIVE_HISTORY_H
#define CTL_LIVE_HISTORY_H

#include <skalibs/stralloc.h>

#include <services/contract/service.h>

/* Adds to STATE/journal (runlib/journal.h). What cannot be written is said to stderr, and no more. */
/* argv: the words of the command; who runs it is added. */
extern void history_command(bundle const *b, int argc, char const *const *argv);
extern void history_generation(bundle const *b, unsigned int number);

/* Appends the last n lines of the journal that are about name (0: all), stamps and all. 0, or -1 and errno. */
extern int history_tail(stralloc *sa, bundle const *b, char const *name, size_t n);
/* The last n deaths that nobody commanded, in words, a line each, the newest last. 0, or -1 and errno. */
extern int history_deaths(stralloc *sa, bundle const *b, char const *name, size_t n);

#endif
