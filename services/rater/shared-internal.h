#ifndef RATER_SHARED_INTERNAL_H
#define RATER_SHARED_INTERNAL_H

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include "shared.h"
#include "sharedurl.h"

typedef struct waiting_s waiting;
struct waiting_s
{
  shared_question question; /* its name and limit are the next two */
  char *name;
  limit limit;
  void *who; /* 0: nobody */
  uint64_t due;
  int late; /* decided without it */
};

#define SHARED_REFUSALS 8192

typedef struct refusal_s refusal;
struct refusal_s
{
  uint64_t hash, quantity, until;
  verdict verdict;
};

typedef struct debt_s debt;
struct debt_s
{
  uint64_t hash, quantity;
  char *name;
  size_t len;
  limit limit;
};

typedef enum redis_state_e
{
  REDIS_AWAY,     /* at: when it is tried again */
  REDIS_SENTINEL, /* a sentinel is asked; at: until when */
  REDIS_SETUP,    /* so many answers, and it is there */
  REDIS_THERE
} redis_state;

struct shared_s
{
  redis_url url;
  unsigned int next; /* of its places */
  unsigned int calls;
  stralloc user, password, script;
  unsigned int timeout;
  void (*told)(void *who, verdict const *v);
  redis_state state;
  int fd;
  struct redisReader *reader;
  stralloc out;
  unsigned int setup;
  uint64_t now, at, pause;
  int said; /* that it is away */
  unsigned int late_now;
  unsigned int head, tail; /* of the line, which goes round */
  waiting line[SHARED_WAITING];
  refusal refusals[SHARED_REFUSALS];
  genalloc debts; /* of debt */
  uint64_t asked, late, cached;
};

/* sharedline.c: what is sent, who waits for what comes, what is refused for a while, and what it is still to be told. */
extern int shared_put(shared *s, int argc, char const **argv, size_t const *len);
extern waiting *shared_first(shared *s);
extern void shared_leave(shared *s); /* the first */
extern void shared_tell(shared *s, waiting *w, verdict const *v);
extern int shared_wait(shared *s, shared_question const *q, void *who, uint64_t now);
extern void shared_cache(shared *s, shared_question const *q, verdict const *v, long long ms);
extern void shared_pay(shared *s, uint64_t now);

extern char const shared_script[];
/* Microseconds that a request takes of the limit. */
extern uint64_t shared_interval(limit const *l);

#endif
