#ifndef TLS_GENERATION_INTERNAL_H
#define TLS_GENERATION_INTERNAL_H

#include <sys/types.h>

#include <runlib/counters.h>

#include "pool-internal.h"
#include "shared-internal.h"

/* A keeper and a pool, made from the configuration as it is now. A reload makes the next generation. */
typedef struct generation_s generation;
struct generation_s
{
  pid_t pool; /* 0: this place is free */
  pid_t keeper;
  int pipe; /* to the pool */
};

/* What all generations have in common. */
typedef struct master_s master;
struct master_s
{
  char const *config;
  int listener;
  uid_t uid; /* 0: stays who it is */
  gid_t gid;
  uid_t users[CLIENTS_MAX];
  unsigned int nusers;
  shared *common;
  counter *counters[POOL_COUNTERS];
  void *counted; /* see pool_s */
  generation list[POOLS_MAX];
  int again;   /* it was tried before, for the same reload */
  int failure; /* after generation_start failed: 102, its files are wrong; else the system refused something */
};

/*
 * Starts a generation and waits until it serves. Its keeper and pool say on stderr what hinders them.
 * Returns its place, or -1: nothing of it is left then.
 */
extern int generation_start(master *m);

/* how: 'r' or 't', see the pool. */
extern void generation_end(master *m, unsigned int i, char how);

/* Which generation pid was of, -1: none. Its place is free once its pool has ended. *was_pool: 1 for a pool. */
extern int generation_reaped(master *m, pid_t pid, int *was_pool);

#endif
