#ifndef SERVICES_SMTPD_CLIENT_H
#define SERVICES_SMTPD_CLIENT_H

#include <stdint.h>

#include "session.h"

/* The connection on descriptors 0 and 1. Deadlines on clock_ms. */

typedef enum client_event_e
{
  CLIENT_GONE,
  CLIENT_BYTES,
  CLIENT_IDLE,
  CLIENT_HURRY, /* nothing yet, and places have become short: the deadline may be another */
  CLIENT_STOP   /* child_terminated */
} client_event;

/* Reads up to max bytes to buf; at once tries before it waits. */
extern client_event client_read(char *buf, size_t max, size_t *n, uint64_t deadline, int at_once);
/* Sends all of out and empties it. Returns 0, or -1: the client is gone, or takes nothing. */
extern int client_flush(stralloc *out, uint64_t deadline);
/* session_start; where there is no memory for even one reply, the client is told all the same. */
extern void client_greet(session *s, int early);
/* Whether the client says something within ms milliseconds. */
extern int client_talks(unsigned int ms);
/* Lets the last reply arrive: closing with unread bytes would make the kernel reset the connection. */
extern void client_linger(void);

#endif
