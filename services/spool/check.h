#ifndef SERVICES_SPOOL_CHECK_H
#define SERVICES_SPOOL_CHECK_H

#include <services/contract/service.h>

/* What only the machine can tell of the spool's service: check and uses of services/contract/service.h. */
extern void spool_check(service const *sv, report *r);
extern int spool_uses(service const *sv, genalloc *list);

#endif
