#ifndef SERVICES_POLICY_SERVER_H
#define SERVICES_POLICY_SERVER_H

#include <poll.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

#include <runlib/counters.h>

#include "greylist.h"
#include "judge.h"
#include "resolve.h"
#include "store.h"

/*
 * The clients of policyd, and the one loop. A client asks one question at a time; while its answers are
 * awaited from the DNS, nothing more is read from it.
 */

#define SERVER_LISTENERS 9

typedef struct client_s client;
struct client_s
{
  client *older, *newer;
  client *ready; /* the next of those whose answers have come */
  int fd;
  int trusted;         /* root, or policyd's own user: may give commands */
  int gone;            /* its peer is */
  int ended;           /* it will ask no more, and waits for its answer */
  int busy;            /* a question is being judged */
  uint64_t due, began; /* of it, in ms */
  stralloc in, out;
  size_t taken; /* of in: the question */
  policy_request request;
  question question;
  verdict verdict;
  lookups lookups; /* kept for the next recipient of the same message */
  char instance[64];
  int marked; /* that message has its Received-SPF */
};

enum
{
  TALLY_QUESTIONS,
  TALLY_REFUSED,
  TALLY_TEMPFAILED,
  TALLY_GREYLISTED,
  TALLY_KNOWN,
  TALLY_AGAIN,
  TALLY_ALLOWED,
  TALLY_LATE,
  TALLY_EXPIRED,
  GAUGE_CLIENTS,
  GAUGE_ENTRIES,
  GAUGE_UNUSABLE,
  GAUGE_DNS_ASKED,
  GAUGE_DNS_FAILED,
  TALLY_CONDITIONS, /* refused by each; then observed in each */
  TALLIES = TALLY_CONDITIONS + 2 * CONDITIONS
};

typedef struct server_s server;
struct server_s
{
  settings *settings;
  resolver *resolver;
  store *store; /* 0: nothing lasts, nobody is greylisted */
  counter *tallies[TALLIES];
  int signals;
  int listeners[SERVER_LISTENERS];
  unsigned int n;
  client *oldest, *newest, *ready;
  unsigned int clients, clients_max;
  unsigned int patience; /* ms for the DNS, for one question */
  struct pollfd *x;
  uint64_t now, wall; /* ms of the stopwatch; seconds since 1970 */
  uint64_t kept;      /* when the store was looked after */
  uint64_t synced;
  uint64_t refreshed;
  uint64_t paused; /* nobody is accepted until then */
  uint64_t end_by; /* 0: it goes on */
};

extern int server_init(server *s);
extern int server_listen(server *s, int fd);
/* Waits once, and does what there is to do. Returns 1 if there are signals, 0, or -1 and errno. */
extern int server_turn(server *s);
/* Takes no more clients; ends once the questions under way are answered, or after 5 seconds. */
extern void server_end(server *s);
extern int server_done(server const *s);

/* --- client.c -------------------------------------------------------------------------------------- */

extern int client_new(server *s, int fd);
extern void client_free(server *s, client *c);
/* Reads, and begins what is whole. */
extern void client_read(server *s, client *c);
/* All that was asked for is there: judges again. */
extern void client_judge(server *s, client *c);
/* Sends what there is. */
extern void client_flush(client *c);

/* --- conclude.c: what is said, logged and counted --------------------------------------------------- */

extern void conclude(server *s, client *c);

/* --- command.c --------------------------------------------------------------------------------------- */

extern void policy_command_run(server *s, client *c);

#endif
