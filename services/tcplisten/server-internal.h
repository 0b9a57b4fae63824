#ifndef TCPLISTEN_SERVER_INTERNAL_H
#define TCPLISTEN_SERVER_INTERNAL_H

#include <signal.h>

#include <skalibs/tai.h>

#include <runlib/counters.h>

#include "environ-internal.h"
#include "listener-internal.h"
#include "options-internal.h"
#include "sessions-internal.h"

#define LISTENERS_MAX (2 * ADDRESSES_MAX)

/* A log line of one kind at most once a second; the ones between are counted. */
typedef struct hush_s hush;
struct hush_s
{
  tain next;
  unsigned int missed;
};

typedef enum stage_e
{
  SERVING,
  DRAINING, /* listens no more; waits for the sessions until the deadline */
  ENDING,   /* they have been sent TERM */
  KILLING   /* they have been sent KILL */
} stage;

/* What tcplisten publishes with -s. NOW and LIMIT are gauges; TOTAL (served) and REFUSED only grow. */
enum
{
  NOW,
  LIMIT,
  TOTAL,
  REFUSED,
  COUNTERS
};

typedef struct server_s server;
struct server_s
{
  options const *o;
  char const *path; /* of the program */
  int signals;      /* the selfpipe's descriptor */
  sigset_t mask;    /* the signal mask that the programs start with */
  listener listeners[LISTENERS_MAX];
  unsigned int nlisteners;
  sessions sessions;
  environment environment;
  counter *counters[COUNTERS];
  stage stage;
  tain deadline; /* of the stage, when not SERVING */
  tain pause;    /* no accept before, after a failure */
  int failing;   /* the errno of a failure that lasts, which the log knows; 0: none */
  hush refusals;
  hush failures;
};

/* Serves until it is told to end and has ended its sessions. STAMP must be set. */
extern void server_run(server *s);

#endif
