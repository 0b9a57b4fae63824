#ifndef SERVICES_REMOTE_RDATA_H
#define SERVICES_REMOTE_RDATA_H

#include "dns.h"

/* Records as zone files have them. */

#define DNS_PTR 12
#define DNS_TXT 16
#define DNS_SRV 33
#define DNS_CAA 257

/* The type of that name; 0: not one of ours. */
extern unsigned int rdata_type(char const *name);
/*
 * Appends the i-th record, without a NUL: of TXT all strings in one, unquoted; what is not printable is `?`. Returns 0, or
 * -1: it makes no sense (errno EPROTO), or ENOMEM. Pure.
 */
extern int rdata_text(stralloc *sa, dns_answer const *a, unsigned int i, unsigned int type);
/*
 * Whether two such texts, each with a NUL, say the same: preferences and weights aside, and the blanks of a TXT record.
 * Pure.
 */
extern int rdata_same(unsigned int type, char const *one, char const *other);

#endif
