#ifndef TLS_WORKER_INTERNAL_H
#define TLS_WORKER_INTERNAL_H

#include "context-internal.h"
#include "settings-internal.h"
#include "shared-internal.h"

/* A worker's exit status is all that it tells the pool. */
enum worker_exit_e
{
  WORKER_DONE = 0,
  WORKER_RESUMED = 1, /* as WORKER_DONE, an earlier session taken up again */
  WORKER_UNUSED = 2,  /* no session came, or its client was gone before it began */
  WORKER_FAILED = 3   /* the handshake failed */
};

/*
 * One session, from the request to its end, in a process of its own. control: where the pool sends the
 * request's connection. lifeline: a pipe whose end means that the pool has gone. Never returns.
 */
extern void worker_run(int control, int keeper, int lifeline, contexts const *cs, settings const *st,
                       shared *common) __attribute__((noreturn));

#endif
