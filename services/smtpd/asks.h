#ifndef SERVICES_SMTPD_ASKS_H
#define SERVICES_SMTPD_ASKS_H

#include <services/contract/service.h>

/* Whom smtpd asks, as the keys policy and milter have it. */

/* Appends the options, and makes the service need those of the bundle's services that it asks. 0, or -1 for ENOMEM. */
extern int asks_add(stralloc *sa, service *sv, int submission);
extern void asks_examine(service const *sv, report *r);

#endif
