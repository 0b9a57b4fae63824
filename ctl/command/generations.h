#ifndef CTL_COMMAND_GENERATIONS_H
#define CTL_COMMAND_GENERATIONS_H

#include <skalibs/stralloc.h>

/*
 * Appends what another generation changes, as `adds A; removes B; changes C, D; software /opt/mail/2`; from 0: what it has.
 * 0, or -1 and errno.
 */
extern int generations_changes(stralloc *words, char const *state, unsigned int from, unsigned int to);

#endif
