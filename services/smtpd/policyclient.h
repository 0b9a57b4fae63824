#ifndef SERVICES_SMTPD_POLICYCLIENT_H
#define SERVICES_SMTPD_POLICYCLIENT_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "policy.h"

/* A connection to a policy server, kept between the questions of a session. */
typedef struct policyclient_s policyclient;
struct policyclient_s
{
  int fd;         /* -1: not connected */
  uint64_t again; /* ms of the stopwatch: it failed, and is not asked before then */
};

/*
 * Sends the question and reads the answer, its lines without the empty one. Returns 0; or -1 and errno: ETIMEDOUT, EPROTO (an answer
 * that makes no sense), EAGAIN (it failed less than half a minute ago, and was not asked), ECONNRESET, or as connect(2).
 */
extern int policyclient_ask(policyclient *c, policy_server const *p, char const *question, size_t len,
                            stralloc *answer);

#endif
