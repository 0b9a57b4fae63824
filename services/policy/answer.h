#ifndef SERVICES_POLICY_ANSWER_H
#define SERVICES_POLICY_ANSWER_H

#include <stddef.h>

#include <services/policy/spf/dns.h>

#define ANSWER_RECORDS 100 /* of the type that was asked for; those after them are left out */

/*
 * Reads a DNS message (RFC 1035, 4): its records of that type, whatever aliases led to them. Returns an
 * answer in one block for free(3): DNS_FOUND, or DNS_NODATA; 0 when it makes no sense (EPROTO), or ENOMEM.
 */
extern dns_answer *answer_read(unsigned char const *msg, size_t len, dns_type type);

#endif
