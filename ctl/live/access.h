#ifndef CTL_LIVE_ACCESS_H
#define CTL_LIVE_ACCESS_H

#include <ctl/plan/plan.h>

/*
 * [bundle] status-group: lets the group's members read the state of the services, wait for their events and
 * read their logs, and lets them control nothing; without it, nobody but the owner. s6-svperms(8) knows what
 * that takes; it is run where something is not as it should be.
 * As root, also lets the user of a service start and stop those that it controls, and nobody else: the pipe
 * is theirs, and the way there and the state are open to all. Said to stderr. 0, or -1.
 */
extern int access_all(bundle const *b, plan const *p);

#endif
