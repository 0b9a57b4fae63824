#ifndef SERVICES_IMAP_CHECK_H
#define SERVICES_IMAP_CHECK_H

#include <stddef.h>

#include <services/contract/report.h>
#include <services/contract/section.h>

/* What the Dovecot that is installed says of its dovecot.conf, where name (`2.3.conf`) is the one for its version. */
extern void imap_check_conf(section const *s, char const *name, char const *bytes, size_t len, report *r);

#endif
