#ifndef SERVICES_MONITOR_CHECK_H
#define SERVICES_MONITOR_CHECK_H

#include <services/contract/service.h>

/* For the table of services: see service_kind in services/contract/service.h. */
extern void monitor_check(service const *sv, report *r);
extern int monitor_uses(service const *sv, genalloc *list);

#endif
