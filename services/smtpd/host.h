#ifndef SERVICES_SMTPD_WORLD_H
#define SERVICES_SMTPD_WORLD_H

#include <runlib/counters.h>
#include <runlib/milterstats.h>
#include <runlib/policyclient.h>

#include "control.h"
#include "budget.h"
#include "draft.h"
#include "operations.h"
#include "milterlink.h"
#include "options.h"
#include "recipients.h"

/* The real host that a session works on. */
typedef struct host_s host;
struct host_s
{
  options const *options;
  budget *budget;                 /* of the log */
  uint64_t end;                   /* of the session, on clock_ms */
  counter *counters[3 * TALLIES]; /* each with the pair of its rate */
  int login_counted;              /* by the rater, as a failed one, until it has succeeded */
  policyclient policies[POLICY_SERVERS];
  recipients recipients;
  validrcptto valid;
  milterlink milters[MILTERS];
  milterstats stats;
  draft draft;
};

/* Opens the counters, once for all sessions that begin with w. The rest of w is zero. */
extern void host_init(host *w, options const *o);
/*
 * After a session that nobody logged in to: a session ended for its errors is counted in the rater's class `errors`, what
 * policy servers refused for good in `refused`, by the client's address. Nobody waits for it by now.
 */
extern void host_report(host const *w, int too_many_errors, unsigned int refusals);
extern void host_effects(host *w, operations *e);

/* worldmilters.c: the part of both that has to do with milters. */
extern void host_open_milters(host *w, options const *o);
extern void host_milters(operations *e);

#endif
