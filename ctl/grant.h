#ifndef CTL_GRANT_H
#define CTL_GRANT_H

#include <ctl/plan.h>

/*
 * [bundle] status-group: lets the group's members read the state of the services, wait for their events and
 * read their logs, and lets them control nothing; without it, nobody but the owner. s6-svperms(8) knows what
 * that takes; it is run where something is not as it should be. Said to stderr. 0, or -1.
 */
extern int grant_status(bundle const *b, plan const *p);

#endif
