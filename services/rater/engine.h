#ifndef RATER_ENGINE_H
#define RATER_ENGINE_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include <runlib/counters.h>

#include <runlib/policyrequest.h>

#include "blocker.h"
#include "request.h"
#include "rules.h"
#include "shared.h"
#include "table.h"

/* raterd without its sockets: the rules, the table, and the answer to a line. */

#define ENGINE_LOGS 10 /* lines about offenders a second, at most */

typedef struct engine_s engine;
struct engine_s
{
  table table;
  rules *rules;
  uint64_t now;     /* ms, the table's clock; the caller keeps it up */
  uint64_t started; /* ms, the table's clock */
  unsigned int clients;
  shared *shared;                       /* 0: there are no shared limits, and rules that say so are local */
  unsigned int share;                   /* percent of a shared limit that this machine admits without Redis */
  void (*log)(char const *s, size_t n); /* a line without newline; 0: nobody wants to know */
  blocker blocker;
  uint64_t log_second;
  unsigned int logs; /* in that second */
  unsigned int unlogged;
  counter minutes[2]; /* checks, as counter_rate has them */
};
#define ENGINE_ZERO                                                                                          \
  {                                                                                                          \
    .table = TABLE_ZERO, .rules = 0, .now = 0, .started = 0, .clients = 0, .shared = 0, .share = 50,         \
    .log = 0, .blocker = BLOCKER_ZERO, .log_second = 0, .logs = 0, .unlogged = 0, .minutes = {               \
      0,                                                                                                     \
      0                                                                                                      \
    }                                                                                                        \
  }

/* Who asks, and how much they may know. */
#define ASKER_TCP    1 /* the original protocol: no verbs, nothing behind n/limit */
#define ASKER_POLICY 4 /* Postfix's policy protocol */
#define ASKER_OWNER  2 /* raterd's own user or root: may reset, read names, and count in every class */

typedef struct asker_s asker;
struct asker_s
{
  unsigned int may;
  uid_t uid; /* who may count in a class of theirs; of TCP nobody knows */
};

/*
 * A line on its way to its answer, in three steps, so that for many lines at a time the memory that each needs
 * comes while the others are looked at: a key of a large table is nowhere near the processor. The line must
 * stay where it is until the answer; the rules and the table must stay as they are.
 */
typedef struct question_s question;
struct question_s
{
  char const *wrong; /* what is wrong with it; 0: nothing */
  asker asker;
  request request;
  class const *class;
  subject subject; /* of a check */
  uint64_t hash;   /* of a check; 0: nothing is counted */
  int decided;     /* by Redis, or what is remembered of it (2): verdict */
  verdict verdict;
  void *owner;  /* whose it is, while Redis is asked */
  place *place; /* where it was a moment ago, or 0 */
};

/* Takes over r (allocated; the old rules are freed) and finds each class its board. */
extern void engine_rules(engine *e, rules *r);
/* The same for the rules it has, when the table has lost all. */
extern void engine_boards(engine *e);
extern void engine_read(engine const *e, char const *s, size_t n, asker who, question *w);
/* Asks Redis, if w is for it. Returns 1: w waits, and w's owner is to be told; 0: it can be answered. */
extern int engine_share(engine *e, question *w);
extern int question_is_shared(engine const *e, question const *w);
extern void engine_find(engine *e, question *w);
/* Appends the one line that answers to out. Returns 0, or -1 and errno (ENOMEM), out as it was. */
extern int engine_reply(engine *e, question const *w, stralloc *out);
/* Whether the answer may be long. */
extern int question_is_long(question const *w);
/* All three steps. */
extern int engine_answer(engine *e, char const *s, size_t n, asker who, stralloc *out);
/*
 * Answers a request of Postfix's policy protocol: the classes that it asks (policy_ask, rules.h), or the one that its
 * policy_context names. All of them count it, or none. Appends the answer. Returns 0, or -1: the client is to be
 * let go, because it asks what it may not, or errno is ENOMEM.
 */
extern int engine_policy(engine *e, policy_request *r, asker who, stralloc *out);
/* The same in two steps, between which engine_share may be asked about each question. Both return as engine_policy. */
#define POLICY_QUESTIONS 32 /* of a request */
typedef struct policy_asked_s policy_asked;
struct policy_asked_s
{
  question questions[POLICY_QUESTIONS];
  unsigned int n;
};
extern int engine_policy_read(engine *e, policy_request *r, asker who, policy_asked *all);
extern int engine_policy_reply(engine *e, policy_asked *all, stralloc *out);
/* Notes that n checks took us microseconds each. */
extern void engine_latency(engine *e, uint64_t n, uint64_t us);
extern void engine_free(engine *e);

#endif
