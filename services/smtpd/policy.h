#ifndef SERVICES_SMTPD_POLICY_H
#define SERVICES_SMTPD_POLICY_H

#include "servers.h"

/*
 * Policy servers: programs that say what is to become of a client, by the protocol of Postfix's
 * SMTPD_POLICY_README. This is what is said of one in a configuration; the questions are the session's
 * (policy.c), and runlib/policyclient.h carries them.
 */

#define POLICY_SERVERS 8

/* Stages, as bits. */
#define POLICY_CONNECT 1u
#define POLICY_HELO    2u
#define POLICY_MAIL    4u
#define POLICY_RCPT    8u
#define POLICY_DATA    16u
#define POLICY_END     32u

typedef struct policy_server_s policy_server;
struct policy_server_s
{
  char address[SERVER_ADDRESS]; /* unix:PATH or inet:ADDRESS:PORT */
  unsigned int stages;
  unsigned int timeout; /* ms, for connecting, asking and the answer together */
  int closed;           /* without an answer, 451 */
  int users;            /* asked about our own users, too */
  int hold;             /* it may have a message held */
};

/*
 * Reads `ADDRESS [STAGE,...] [timeout N] [tempfail] [users] [hold]`: N is seconds, or with `ms` behind it
 * milliseconds. Without stages: rcpt. Returns 0, or what is wrong (static).
 */
extern char const *policy_scan(char const *text, policy_server *p);

#endif
