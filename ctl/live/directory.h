#ifndef CTL_LIVE_DIRECTORY_H
#define CTL_LIVE_DIRECTORY_H

#include <sys/types.h>

#include <ctl/plan/plan.h>

/* Makes RUN and STATE. What cannot be made is said to stderr, here and below: then -1. */
extern int directory_make_bundle(bundle const *b);
/* Makes the directory of the supervisor's log. */
extern int directory_make_log(bundle const *b);
/*
 * Makes what the plan's services need before they start, and gives what belongs to another user to the service's. Where
 * there are names, what belongs to another stays as it is for services that are not chosen (plan_chosen).
 */
extern int directory_make_all(plan const *p, int argc, char const *const *names);
/* Whether these would give a directory to another user: nobody should be writing there meanwhile. */
extern int directory_log_moves(bundle const *b);
extern int directory_moves(planned const *ps);
#endif
