#ifndef SERVICES_SMTPD_FIXUP_INTERNAL_H
#define SERVICES_SMTPD_FIXUP_INTERNAL_H

#include <stddef.h>

#include <skalibs/stralloc.h>

/*
 * Appends to out the body of a field that is a list of addresses, each completed with domain. 0, or -1 (ENOMEM).
 */
extern int fixup_addresses(stralloc *out, char const *s, size_t len, char const *domain);

#endif
