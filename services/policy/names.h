#ifndef SERVICES_POLICY_NAMES_H
#define SERVICES_POLICY_NAMES_H

#include "judge.h"

/* What the DNS says of the client's address and of the names that it gives. */

/* As a dns_lookup; a missing answer is noted in the question. */
extern dns_answer const *names_lookup(question *q, char const *name, dns_type type);
/* The address as DNS lists are asked: 4.3.2.1, or nibbles. to: DNS_NAME_MAX + 1 */
extern void names_reversed(question const *q, char *to);
/* The PTR records of the address; 0: not there yet. */
extern dns_answer const *names_of_client(question *q);

typedef enum forward_e
{
  FORWARD_NONE,      /* no name of the client has an address */
  FORWARD_OTHER,     /* but none has the client's */
  FORWARD_CONFIRMED, /* one has */
  FORWARD_UNKNOWN    /* the DNS is silent */
} forward;
/* Follows at most 10 of the client's names. Meaningless while the question waits. */
extern forward names_forward(question *q, dns_answer const *ptr);

/* Whether a host name has the address in it: 1-2-3-4, 4.3.2.1, 001002003004, 01020304 in hexadecimal. */
extern int names_has_address(question const *q, char const *name);

typedef enum mail_domain_e
{
  MAIL_DOMAIN_GOOD,
  MAIL_DOMAIN_UNKNOWN, /* no MX, no address */
  MAIL_DOMAIN_NULL_MX, /* RFC 7505 */
  MAIL_DOMAIN_SILENT
} mail_domain;
extern mail_domain names_mail_domain(question *q, char const *domain);

#endif
