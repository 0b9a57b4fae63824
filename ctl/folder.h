#ifndef CTL_FOLDER_H
#define CTL_FOLDER_H

#include <sys/types.h>

#include <ctl/plan.h>

/* Makes RUN, STATE and the supervisor's log folder. What cannot be made is said to stderr: then -1. */
extern int folder_make_bundle(bundle const *b);
/* Makes what the plan's services need before they start. What cannot be made is said to stderr: then -1. */
extern int folder_make_all(plan const *p);
/*
 * Makes folder/name a link to target, at once in the place of another link. Called by one process at a time, by the
 * lock: what one that was killed left is written over, and has a name that s6-svscan does not look at. 0, or -1 and errno.
 */
extern int folder_link(char const *folder, char const *name, char const *target);

#endif
