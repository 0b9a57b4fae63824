#ifndef TLS_WORKER_INTERNAL_H
#define TLS_WORKER_INTERNAL_H

#include "context-internal.h"
#include "pool-internal.h"
#include "settings-internal.h"
#include "shared-internal.h"

/* A worker's exit status. */
enum worker_exit_e
{
  WORKER_DONE = 0,
  WORKER_RESUMED = 1, /* as WORKER_DONE, an earlier session taken up again */
  WORKER_UNUSED = 2,  /* no session came, or its client was gone before it began */
  WORKER_FAILED = 3,  /* the handshake failed */
  WORKER_REFUSED = 4, /* there was no place for it */
  WORKER_BROKEN = 5   /* it could not begin to wait */
};

/*
 * A session as it is before the client's first byte, which every worker gets by fork(2): that is cheaper than to
 * make one each. Nothing in it is random yet, OpenSSL draws its random bytes when it answers. 0: out of memory.
 */
extern SSL *worker_template(contexts const *cs);

/*
 * One session, from the request to its end, in a process of its own. started: a pipe, onto which it writes
 * its pid when a request has come. SIGUSR1 ends it while it waits; when its pool ends, it gets SIGUSR2, and
 * its session ends within the drain time. Never returns.
 */
extern void worker_run(pool const *p, int started) __attribute__((noreturn));

#endif
