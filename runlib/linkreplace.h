#ifndef RUNLIB_LINKREPLACE_H
#define RUNLIB_LINKREPLACE_H

/*
 * Makes directory/name a link to target, at once in the place of another link. Called by one process at a time, by the
 * lock: what one that was killed left is written over, and has a name that s6-svscan does not look at. 0, or -1 and errno.
 */
extern int link_replace(char const *directory, char const *name, char const *target);

#endif
