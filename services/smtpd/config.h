#ifndef SERVICES_SMTPD_CONFIG_H
#define SERVICES_SMTPD_CONFIG_H

#include <stdint.h>

#include "control.h"
#include "milter.h"
#include "policy.h"

typedef enum starttls_e
{
  STARTTLS_OFF,
  STARTTLS_OFFER,
  STARTTLS_REQUIRE
} starttls;

/* What the session is told at its start; none of it changes. */
typedef struct session_config_s session_config;
struct session_config_s
{
  control const *control;
  char const *remoteip; /* the UCSPI variables, "unknown" where there is none */
  char const *remotehost;
  char const *remoteport;
  char const *remoteinfo; /* or 0 */
  char const *local;      /* the name or address that the client reached */
  char const *localip;
  char const *localport;
  char const *relayclient; /* or 0 */
  char const *domain;      /* completes unqualified addresses of a submission */
  uint64_t databytes;      /* 0: no limit */
  unsigned int pid;        /* makes message IDs unique */
  int submission;
  int local_only; /* the MTA delivers here alone: nothing can be relayed */
  int auth;       /* AUTH can be offered, over TLS */
  int auth_plain; /* and without TLS */
  starttls starttls;
  unsigned int recipients;   /* a message; 0: no limit, as in the next */
  unsigned int messages;     /* a session */
  unsigned int errors_delay; /* so many errors, then each costs error_delay ms */
  unsigned int errors_max;   /* and after so many, 421 */
  unsigned int error_delay;
  policy_server policies[POLICY_SERVERS];
  unsigned int policies_n;
  int window;       /* who read mail lately may send, see window in operations.h */
  int sender_match; /* who logged in sends only as himself, see senders.h */
  milter_server milters[MILTERS];
  unsigned int milters_n;
  int holds;            /* the queue can hold a message */
  int check_recipients; /* by the spool's mapping, or control/validrcptto */
  int plugins_closed;   /* a plugin that times out refuses */
};

#endif
