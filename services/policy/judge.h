#ifndef SERVICES_POLICY_JUDGE_H
#define SERVICES_POLICY_JUDGE_H

#include <stdint.h>

#include <runlib/policyrequest.h>
#include <services/policy/spf/spf.h>

#include "settings.h"

/*
 * What is to be said to a client about one recipient: a function of the settings, the question, and what the
 * DNS answered. Like the evaluator of SPF it waits for nobody: all checks ask for what they need, and when
 * something is missing the whole is judged again once it is there. So the checks of one question ask the DNS
 * side by side.
 *
 * The order is that of `condition`; but first, whoever is on a list of `allow`, by whatever it is known, is
 * let through.
 */

#define JUDGE_TEXT_MAX 700

typedef struct question_s question;
struct question_s
{
  settings *settings; /* a DNS list that lies is marked there */
  policy_request const *request;
  dns_lookup *lookup;
  void *world;
  uint64_t now; /* seconds since 1970 */
  /* judge's own, from client_address */
  unsigned char ip[16]; /* IPv4 as ::ffff:0:0/96 */
  unsigned char const *address;
  unsigned int address_len; /* 4 or 16 */
  int waits;
};

typedef struct verdict_s verdict;
struct verdict_s
{
  char const *allowed;       /* why nothing else was looked at; 0: it was */
  condition refused;         /* CONDITIONS: it is not */
  char const *code;          /* of the refusal, for the log */
  char text[JUDGE_TEXT_MAX]; /* the reply, with its codes */
  uint32_t observed;         /* 1 bit a condition that was met, and only observed */
  condition suspected;       /* why it is to be greylisted; CONDITIONS: nothing */
  int confirmed;             /* one of the client's names has its address */
  int spf_done;
  spf_answer spf;
};

/* Reads client_address. Returns 0 if that is no address. */
extern int judge_address(question *q);
/* Returns 1; 0: an answer of the DNS is not there yet. */
extern int judge(question *q, verdict *v);
/* The header field that an SPF verdict of `mark` or worse leads to, without its newline. */
extern void judge_received_spf(question const *q, verdict const *v, char *field, size_t size);
/* Authentication-Results (RFC 8601). */
extern void judge_results(question const *q, verdict const *v, char *field, size_t size);

#endif
