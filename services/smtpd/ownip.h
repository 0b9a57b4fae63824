#ifndef SERVICES_SMTPD_OWNIP_H
#define SERVICES_SMTPD_OWNIP_H

#include <stddef.h>

/*
 * Whether ip, of 4 or 16 bytes, is an address of this machine: the one that the client reached (reached, as text, if
 * it is one), one of an interface that is up, or 0.0.0.0, as in qmail-smtpd. Returns 1, 0, or -1 and errno.
 */
extern int ownip(char const *reached, char const *ip, size_t len);

#endif
