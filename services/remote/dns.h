#ifndef SERVICES_REMOTE_DNS_H
#define SERVICES_REMOTE_DNS_H

#include <stddef.h>

#include <skalibs/stralloc.h>

/* The DNS through c-ares: several questions are asked at once and waited for together. */

#define DNS_A    1
#define DNS_MX   15
#define DNS_AAAA 28
#define DNS_TLSA 52

#define DNS_NAME    256 /* bytes of a name as text, with its NUL */
#define DNS_RECORDS 32  /* of one answer; those after them are left out */

typedef enum dns_state_e
{
  DNS_FAILED, /* nobody could tell: time-out, SERVFAIL, an answer that makes no sense */
  DNS_FOUND,
  DNS_NODATA,
  DNS_NXDOMAIN
} dns_state;

typedef struct dns_record_s dns_record;
struct dns_record_s
{
  size_t at; /* of its data, in the message */
  size_t len;
};

typedef struct dns_answer_s dns_answer;
struct dns_answer_s
{
  dns_state state;
  int secure; /* validated by a resolver on this machine (RFC 6840, 5.8) */
  unsigned int n;
  dns_record records[DNS_RECORDS];
  stralloc message;
};
#define DNS_ANSWER_ZERO                                                                                      \
  {                                                                                                          \
    .state = DNS_FAILED, .secure = 0, .n = 0, .message = STRALLOC_ZERO                                       \
  }

/*
 * Reads the message of an answer (RFC 1035, 4.1): its state, whether it says that it was validated, and its records of
 * that type, whatever aliases led to them. Pure. What makes no sense is DNS_FAILED.
 */
extern void dns_answer_read(dns_answer *a, unsigned int type);
/* The name that begins at that place of the message, as text. Returns 0, or -1: it is not one. */
extern int dns_answer_name(dns_answer const *a, size_t at, char name[DNS_NAME]);

/*
 * servers: `ADDRESS:PORT, ...`, or 0 for those of /etc/resolv.conf. Answers are taken for validated only if all of them
 * are loopback addresses: on any other way, the bit that says so can be forged. Returns 0, or what is wrong (static).
 */
extern char const *dns_open(char const *servers);
/* Whether answers can be secure at all. */
extern int dns_is_local(void);
/* Asks. The answer, which is empty before, is there after dns_wait. */
extern void dns_ask(char const *name, unsigned int type, dns_answer *a);
extern void dns_wait(void);

#endif
