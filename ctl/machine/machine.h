#ifndef CTL_MACHINE_MACHINE_H
#define CTL_MACHINE_MACHINE_H

#include <services/contract/report.h>
#include <services/contract/service.h>

#include <ctl/plan/plan.h>

/*
 * What is wrong that only this machine can tell, for up and check. Reads, tries to bind, changes nothing.
 */

/* What the sections alone tell: users and groups exist, directories can be used, addresses can be listened on. */
extern void machine_check_bundle(bundle const *b, report *r);
/*
 * What the plan tells: programs are there, each service's user reaches what the service needs, and whatever
 * the kinds of service check themselves.
 */
extern void machine_check_plan(bundle const *b, plan const *p, report *r);

#endif
