#ifndef TLS_POOL_INTERNAL_H
#define TLS_POOL_INTERNAL_H

#include <sys/types.h>

#include <runlib/confine.h>
#include <runlib/counters.h>

#include "context-internal.h"
#include "settings-internal.h"
#include "shared-internal.h"

/*
 * A pool keeps workers waiting on the listening socket, each for one session, and counts what became of
 * them. It never sees a client's bytes or socket, and has no key.
 */

#define CLIENTS_MAX 8  /* users that may ask */
#define POOLS_MAX   16 /* the current pool, and those of before a reload whose sessions still run */

typedef enum pool_counter_e
{
  POOL_NOW,
  POOL_TOTAL,
  POOL_RESUMED,
  POOL_FAILED,
  POOL_REFUSED,
  POOL_EXPIRES,
  POOL_COUNTERS
} pool_counter;
extern char const *const pool_counter_names[POOL_COUNTERS];

typedef struct pool_s pool;
struct pool_s
{
  int listener;
  int master; /* 'r': take no more, end with the last session; 't': the same, within the drain time */
  int keeper;
  shared *common;
  settings const *st;
  contexts const *cs;
  SSL *ssl;            /* worker_template */
  confine_calls calls; /* what a worker may still call */
  uid_t users[CLIENTS_MAX];
  unsigned int nusers; /* besides root and tlsd's own user */
  counter *counters[POOL_COUNTERS];
  void *counted; /* the page that the counters are in; 0: not shared */
};

/* Writes a newline to ready once workers wait for requests. Never returns. */
extern void pool_run(pool *p, int ready) __attribute__((noreturn));

#endif
