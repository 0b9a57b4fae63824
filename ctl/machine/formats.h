#ifndef CTL_MACHINE_FORMATS_H
#define CTL_MACHINE_FORMATS_H

#include <skalibs/stralloc.h>

/*
 * Which software can read which data (runlib/formats.h). A table is text, `STORE OLDEST NEWEST` a line, as `mailctl
 * --formats` prints; STATE/formats says what the data are, `STORE NUMBER` a line.
 */

/* Appends our own. 0, or -1 and ENOMEM. */
extern int formats_own(stralloc *table);
/* Appends that of the software set below the prefix set, by asking it; nothing where it cannot say. 0, or -1 and errno. */
extern int formats_ask(stralloc *table, char const *set);
/* 0: whoever has this table can read the data below state. EXIT_CONF: not so, which is said in one line. */
extern int formats_fit(char const *state, stralloc const *table, char const *set);
/* 0: the set `back` can read all that ours may write. EXIT_CONF: it could not be gone back to, which is said. */
extern int formats_return(stralloc const *table, char const *back);
/* Notes that the data may be in our newest formats from now on. 0, or -1 and errno. */
extern int formats_note(char const *state);

#endif
