#ifndef SERVICES_SMTPD_MILTER_H
#define SERVICES_SMTPD_MILTER_H

#include <stdint.h>

#include "servers.h"

/* Milters: what is said of one in a configuration. The conversation is the session's (milter.c, filtering.c). */

#define MILTERS 6 /* what counts them has room for so many */

typedef enum milter_fails_e
{
  MILTER_OPEN, /* as if it were not there */
  MILTER_TEMPFAIL,
  MILTER_REJECT
} milter_fails;

typedef struct milter_server_s milter_server;
struct milter_server_s
{
  char address[SERVER_ADDRESS]; /* unix:PATH or inet:ADDRESS:PORT */
  unsigned int connect;         /* ms: for connecting and agreeing on what to do */
  unsigned int command;         /* for one answer */
  unsigned int end; /* for the answer to the end of the message, and for all that came before it */
  milter_fails fails;
  uint64_t size;      /* a message of more bytes is none of its business; 0: no limit */
  int own;            /* asked about our own users, too */
  unsigned int below; /* asked while the overload level is lower; 0: always */
};

/*
 * Reads `ADDRESS [connect TIME] [command TIME] [end TIME] [fails open|tempfail|reject] [size BYTES] [own yes|no]
 * [until-level 1|2]`. Returns 0, or what is wrong (static).
 */
extern char const *milter_scan(char const *text, milter_server *m);

#endif
