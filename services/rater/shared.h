#ifndef RATER_SHARED_H
#define RATER_SHARED_H

#include <stddef.h>
#include <stdint.h>

#include "bucket.h"

/*
 * Limits that several machines share by a Redis: raterd(8), "SHARED LIMITS". A check is one Lua script there, by Redis's
 * clock. What is asked together is sent together, and answered in order. Nobody waits longer than the timeout: then he is
 * answered as if Redis were away, and what it answers late is taken back there.
 */

#define SHARED_WAITING 4096  /* questions that Redis has not answered */
#define SHARED_OWED    10000 /* keys of which it is to be told what was admitted without it */

typedef struct shared_s shared;

typedef enum shared_way_e
{
  SHARED_CHECK,
  SHARED_STRICT, /* a check that counts what it refuses, too */
  SHARED_PEEK,
  SHARED_UNDO,
  SHARED_ADD,
  SHARED_RESET
} shared_way;

/* One question: the key's name there, and how much; what Redis says comes into verdict. */
typedef struct shared_question_s shared_question;
struct shared_question_s
{
  uint64_t hash; /* of the key, for what is remembered here */
  char const *name;
  size_t len;
  limit const *limit;
  uint64_t quantity;
  shared_way way;
};

typedef enum shared_answer_e
{
  SHARED_AWAY,   /* it is for this machine to decide */
  SHARED_WAITS,  /* the function of shared_new is called, with answer */
  SHARED_DECIDED /* *v */
} shared_answer;

/*
 * what: redis://ADDRESS:PORT[/DB], unix:PATH[/DB is none], or sentinel://MASTER@ADDRESS:PORT,...[/DB]. password: a file
 * with `PASSWORD` or `USER PASSWORD`, or 0. timeout: ms. Returns 0 with what is wrong in *wrong (static), or errno where
 * that is 0. told(who, verdict): verdict 0, Redis does not answer in time.
 */
extern shared *shared_new(char const *what, char const *password, unsigned int timeout,
                          void (*told)(void *who, verdict const *v), char const **wrong);
/* What is wrong with what, or 0. */
extern char const *shared_wrong(char const *what);
/* who 0: nobody waits for the answer. now: ms, clock_ms(). */
extern shared_answer shared_ask(shared *s, shared_question const *q, void *who, uint64_t now, verdict *v);
/* Nobody waits for who's answers any more. */
extern void shared_forget(shared *s, void *who);
/* Of the key, so much was admitted without Redis: it is told when it is back. Undone, a part of it is not. */
extern void shared_owe(shared *s, shared_question const *q);
/* The descriptor, -1: none, and whether it is to be written to. It may change with each call here: then *which does. */
extern int shared_fd(shared const *s, int *writes, unsigned int *which);
/* Does what is due, with a descriptor that is ready or without. Returns when to come again at the latest. */
extern uint64_t shared_turn(shared *s, uint64_t now);
/* Everybody who waits is told that Redis is away: what he asked about is to change. */
extern void shared_hurry(shared *s);
/* Counters for !stats. */
typedef struct shared_stats_s shared_stats;
struct shared_stats_s
{
  uint64_t asked, late, cached, owed, away; /* away: 1, it is */
};
extern void shared_count(shared const *s, shared_stats *to);
/* In a process that was forked: closes the connection. */
extern void shared_forked(shared *s);

#endif
