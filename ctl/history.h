#ifndef CTL_HISTORY_H
#define CTL_HISTORY_H

#include <services/service.h>

/* Adds to STATE/journal (runlib/journal.h). What cannot be written is said to stderr, and no more. */
extern void history_command(bundle const *b, int argc, char const *const *argv);
extern void history_generation(bundle const *b, unsigned int number);

#endif
