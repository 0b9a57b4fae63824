#ifndef SERVICES_SMTPD_MILTERLINK_H
#define SERVICES_SMTPD_MILTERLINK_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

#include "milter.h"
#include "packet.h"

/* A connection to a milter, kept over the messages of a session. Times are milliseconds. */
typedef struct milterlink_s milterlink;
struct milterlink_s
{
  int fd;         /* -1: none */
  uint64_t again; /* it let us wait in vain, and is not tried before then */
  size_t taken;   /* bytes of in: the packet that was read last */
  stralloc in;
};

/* Connects. Returns 0, or -1 and errno: EAGAIN, it let us wait in vain less than half a minute ago. */
extern int milterlink_open(milterlink *l, milter_server const *m);
extern void milterlink_close(milterlink *l);
/* Whether it is connected and has said nothing: what it said, or that it closed, would be no answer. */
extern int milterlink_idle(milterlink const *l);
extern int milterlink_send(milterlink *l, milter_server const *m, char const *s, size_t len);
/*
 * Reads the next packet, whose data are there until the next call, until deadline on clock_ms. Returns 0; or -1 and
 * errno: ETIMEDOUT, EPROTO, ECONNRESET, or another.
 */
extern int milterlink_receive(milterlink *l, packet *p, uint64_t deadline);
/* Remembers that it timed out, if errno says so. Returns -1. */
extern int milterlink_spare(milterlink *l);

#endif
