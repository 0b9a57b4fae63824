#ifndef CTL_FOLDER_H
#define CTL_FOLDER_H

#include <sys/types.h>

#include <ctl/plan.h>

/* Makes RUN and STATE. What cannot be made is said to stderr, here and below: then -1. */
extern int folder_make_bundle(bundle const *b);
/* Makes the folder of the supervisor's log. */
extern int folder_make_log(bundle const *b);
/*
 * Makes what the plan's services need before they start, and gives what belongs to another user to the service's. Where
 * there are names, what belongs to another stays as it is for services that are not chosen (plan_chosen).
 */
extern int folder_make_all(plan const *p, int argc, char const *const *names);
/* Whether these would give a folder to another user: nobody should be writing there meanwhile. */
extern int folder_log_moves(bundle const *b);
extern int folder_moves(planned const *ps);
/*
 * Makes folder/name a link to target, at once in the place of another link. Called by one process at a time, by the
 * lock: what one that was killed left is written over, and has a name that s6-svscan does not look at. 0, or -1 and errno.
 */
extern int folder_link(char const *folder, char const *name, char const *target);

#endif
