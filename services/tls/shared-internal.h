#ifndef TLS_SHARED_INTERNAL_H
#define TLS_SHARED_INTERNAL_H

#include "slots-internal.h"
#include "ticket-internal.h"

/*
 * The memory that tlsd and its processes share. A worker lets go of it before it reads its first byte
 * from the network.
 */
typedef struct shared_s shared;
struct shared_s
{
  ticket_ring tickets;
  place places[PLACES_MAX];
  int wrong; /* the errno of the last worker that could not begin */
};

#endif
