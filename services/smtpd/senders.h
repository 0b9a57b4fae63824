#ifndef SERVICES_SMTPD_SENDERS_H
#define SERVICES_SMTPD_SENDERS_H

#include <skalibs/stralloc.h>

/*
 * Whether user may send as address, which is not empty: it is his own name, or control/senders (lines, see control.h) has the address or
 * its `@domain` behind his name. Letters compare without case. Pure.
 */
extern int senders_allow(stralloc const *lines, char const *user, char const *address);

#endif
