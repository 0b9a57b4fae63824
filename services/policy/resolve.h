#ifndef SERVICES_POLICY_RESOLVE_H
#define SERVICES_POLICY_RESOLVE_H

#include <poll.h>
#include <stdint.h>

#include <services/policy/spf/dns.h>

/*
 * Asks the DNS through c-ares, beside everything else: nothing here waits. Nothing is cached: a resolver on
 * this machine does that.
 */

#define RESOLVE_FDS       16
#define RESOLVE_QUESTIONS 400 /* of one lookups; those after them fail */

typedef struct resolver_s resolver;

/*
 * servers: `ADDRESS:PORT, ...`, or 0 for what /etc/resolv.conf says. timeout: milliseconds until a server is
 * asked again. Returns 0 or what is wrong (static).
 */
extern char const *resolver_open(resolver **r, char const *servers, unsigned int timeout);
extern void resolver_close(resolver *r);
/*
 * Fills in what to wait for (RESOLVE_FDS); returns how many. Lowers *ms to when resolver_run is due in any
 * case.
 */
extern unsigned int resolver_prepare(resolver *r, struct pollfd *x, int *ms);
/* After the wait: calls back. */
extern void resolver_run(resolver *r, struct pollfd const *x, unsigned int n);
/* Writes the i-th server's address. Returns 0 where there are no more. */
#define RESOLVE_SERVER 64
extern int resolver_server(resolver const *r, unsigned int i, char *text);
extern uint64_t resolver_asked(resolver const *r);  /* questions since the start */
extern uint64_t resolver_failed(resolver const *r); /* of these, without an answer */

/* What one evaluation has asked so far, and the answers. */
typedef struct asked_s asked;
typedef struct lookups_s lookups;
struct lookups_s
{
  resolver *resolver;
  asked *first;
  unsigned int n;
  unsigned int pending;
  int late; /* lookups_expire was called: nothing more is asked */
  /* Called when pending becomes 0, never from within lookups_find. May be 0. */
  void (*done)(lookups *l);
};

/* A dns_lookup; world: the lookups. */
extern dns_answer const *lookups_find(void *world, char const *name, dns_type type);
/*
 * For who has nothing else to do: waits until all is answered, or so many ms are over. Returns how many are
 * left of these.
 */
extern unsigned int lookups_wait(lookups *l, unsigned int ms);
/* What has no answer yet has failed, and what would be asked from now on. done is not called. */
extern void lookups_expire(lookups *l);
extern void lookups_free(lookups *l);

#endif
