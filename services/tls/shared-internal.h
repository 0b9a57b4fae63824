#ifndef TLS_SHARED_INTERNAL_H
#define TLS_SHARED_INTERNAL_H

#include <stdatomic.h>

#include "ticket-internal.h"

#define POOLS_MAX 16 /* the current pool, and those of before a reload whose sessions still run */

/* The memory that tlsd and its pools share; a worker lets go of it before it reads its first foreign byte. */
typedef struct shared_s shared;
struct shared_s
{
  ticket_ring tickets;
  _Atomic unsigned int sessions[POOLS_MAX];
};

#endif
