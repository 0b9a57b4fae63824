#ifndef SERVICES_POLICY_SPF_SPF_H
#define SERVICES_POLICY_SPF_SPF_H

#include <stddef.h>
#include <stdint.h>

#include "dns.h"

/*
 * Whether an address may send mail in the name of a domain: RFC 7208, whole.
 *
 * The evaluator is a function of the question and of what the DNS answered; it keeps nothing, allocates
 * nothing, and waits for nobody. When an answer that it needs is not there yet, it has been asked for, the
 * result is SPF_PENDING, and the same question is evaluated again, from its beginning, once an answer has
 * come. That costs some microseconds for each of a few rounds (the names of one `mx` or `ptr` are asked for
 * together), and saves a state for each mechanism.
 */

#define SPF_SENDER_MAX      512 /* bytes; the result of a longer sender is SPF_NONE */
#define SPF_EXPLANATION_MAX 512
#define SPF_WORDS_MAX       160

typedef enum spf_result_e
{
  SPF_NONE,
  SPF_NEUTRAL,
  SPF_PASS,
  SPF_FAIL,
  SPF_SOFTFAIL,
  SPF_TEMPERROR,
  SPF_PERMERROR,
  SPF_PENDING
} spf_result;

typedef struct spf_question_s spf_question;
struct spf_question_s
{
  unsigned char const *ip; /* network order; an IPv4 address within IPv6 counts as IPv4 */
  unsigned int ip_len;     /* 4 or 16 */
  char const *sender;      /* of MAIL; empty: postmaster at helo is looked at */
  char const *helo;
  char const *receiver; /* this machine's name, for explanations */
  uint64_t now;         /* seconds since 1970, for explanations */
  dns_lookup *lookup;
  void *world;
};

typedef struct spf_answer_s spf_answer;
struct spf_answer_s
{
  spf_result result;
  char mechanism[SPF_WORDS_MAX]; /* what decided, as the domain wrote it; empty: nothing matched */
  char problem[SPF_WORDS_MAX];   /* with the two errors: what is wrong, in words */
  char explanation
      [SPF_EXPLANATION_MAX]; /* with SPF_FAIL: the domain's own words, printable ASCII; empty: it has none */
};

/* Returns answer->result. */
extern spf_result spf_check(spf_question const *q, spf_answer *answer);
/* As RFC 7208, 2.6 spells it. */
extern char const *spf_result_name(spf_result r);
/* The result as a sentence without its end. */
extern void spf_comment(spf_question const *q, spf_answer const *a, char *s, size_t size);
/* The header field Received-SPF (RFC 7208, 9.1), in one line without its end; 2000 bytes suffice. */
extern void spf_received(spf_question const *q, spf_answer const *a, char *s, size_t size);

#endif
