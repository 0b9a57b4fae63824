#ifndef SERVICES_SMTPD_CHECK_H
#define SERVICES_SMTPD_CHECK_H

#include <services/contract/service.h>

/* What only this machine can tell of smtpd's files: control/me, the lists, the plugins, the queue program. */
extern void smtpd_check(service const *sv, report *r);
/* The networks of the key `proxy`. */
extern void check_proxies(service const *sv, report *r);
/* What sessions read and run of that, as their user. */
extern int smtpd_uses(service const *sv, genalloc *uses);

#endif
