#ifndef TLS_POOL_INTERNAL_H
#define TLS_POOL_INTERNAL_H

#include <sys/types.h>

#include <runlib/counters.h>

#include "context-internal.h"
#include "settings-internal.h"
#include "shared-internal.h"

/*
 * A pool accepts requests and gives each to a worker that waits for one. It sees who asks and for which
 * client, to keep the bounds, but never receives a client's socket, and it has no key.
 */

#define CLIENTS_MAX 8 /* users that may ask */

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
  unsigned int number; /* its place in common->sessions */
  shared *common;
  settings const *st;
  contexts const *cs;
  uid_t users[CLIENTS_MAX];
  unsigned int nusers; /* besides root and tlsd's own user */
  counter *counters[POOL_COUNTERS];
};

/* Writes a newline to ready once workers wait for requests. Never returns. */
extern void pool_run(pool *p, int ready) __attribute__((noreturn));

#endif
