#ifndef SERVICES_POLICY_DNSLIST_H
#define SERVICES_POLICY_DNSLIST_H

#include "judge.h"

/* How suspicious the DNS lists find a client (RFC 5782). */
typedef struct score_s score;
struct score_s
{
  unsigned int sum;
  dnslist const *first;        /* that listed it; 0: none */
  char what[DNS_NAME_MAX + 1]; /* what it listed */
  char text[256];              /* what it says */
};

/* Asks all lists of the kinds dnsbl and rhsbl. */
extern void dnslists_score(question *q, score *s);
/* Whether a dnswl has the client. */
extern int dnslists_white(question *q);

#endif
