#ifndef SERVICES_POLICY_SPF_DNS_H
#define SERVICES_POLICY_SPF_DNS_H

#include <stddef.h>

/* What is asked of the DNS, and what it answered, apart from how: RFC 1035, RFC 3596. */

#define DNS_NAME_MAX 253 /* bytes of a name as text, without a dot at its end */

/* Whether the DNS could have that name: labels of 1 to 63 bytes, DNS_NAME_MAX in all. */
extern int dns_name_valid(char const *name);

typedef enum dns_type_e
{
  DNS_A = 1,
  DNS_PTR = 12,
  DNS_MX = 15,
  DNS_TXT = 16,
  DNS_AAAA = 28
} dns_type;

typedef enum dns_status_e
{
  DNS_FOUND,    /* there are records */
  DNS_NODATA,   /* the name exists, and has no record of that type */
  DNS_NXDOMAIN, /* the name does not exist */
  DNS_FAILED    /* nobody could tell: time-out, SERVFAIL, an answer that makes no sense */
} dns_status;

typedef struct dns_record_s dns_record;
struct dns_record_s
{
  char const *data; /* A: 4 bytes; AAAA: 16; MX and PTR: the name with a NUL; TXT: its strings, joined */
  size_t len;       /* without that NUL */
};

typedef struct dns_answer_s dns_answer;
struct dns_answer_s
{
  dns_status status;
  unsigned int n;
  dns_record const *records;
};

/*
 * Answers whoever needs to know, out of what is known already. Returns 0 when the answer is not there yet:
 * then it has been asked for, and the whole evaluation is repeated once it is there. What is returned stays
 * until that evaluation ends.
 */
typedef dns_answer const *dns_lookup(void *world, char const *name, dns_type type);

#endif
