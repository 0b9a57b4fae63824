#ifndef RATER_SERVER_H
#define RATER_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

#include "engine.h"

/*
 * raterd's sockets and clients. The loop waits with epoll rather than iopause: with a thousand clients
 * connected, poll() looks at all of them for each answer, which would cost more than the answer does.
 */

#define SERVER_IN        4096       /* bytes of requests read ahead of a client */
#define SERVER_QUESTIONS 256        /* lines looked at together */
#define CLIENT_LINES     64         /* of which one client's are at most */
#define SERVER_OUT       65536      /* bytes of answers that memory is kept for */
#define SERVER_HELD      (4u << 20) /* bytes of answers held for clients that do not read, in all */
#define SERVER_LISTENERS                                                                                     \
  33 /* the unix socket, and of TCP and of the policy protocol eight in both families */
#define CLIENTS_MAX 100000

/* ms. A TCP client has that long for its question; a unix one for a line begun or an answer not read. */
#define TIMEOUT_TCP    10000
#define TIMEOUT_UNIX   30000
#define TIMEOUT_LINGER 2000
#define TIMEOUT_DRAIN  3000
#define ACCEPT_PAUSE   1000 /* after accept failed */

typedef struct client_s client;
struct client_s
{
  client *older, *newer; /* by the last answer: when there is no room, the oldest goes */
  client *again;         /* more of its input is to be answered, in the next turn */
  int fd;                /* -1: gone, to be freed at the end of the turn */
  asker asker;
  unsigned int events;     /* what epoll waits for */
  unsigned int skip : 1;   /* an over-long line was answered: drop its rest */
  unsigned int queued : 1; /* in the list of `again` */
  unsigned int more : 1;   /* there may be another whole line */
  unsigned int over : 1;   /* TCP: this was its one answer */
  unsigned int linger : 1; /* TCP, answered: wait for the client's end, so that no reset eats the answer */
  uint64_t due;            /* ms, when it must have got on; 0: it may wait for ever */
  stralloc out;            /* answers that it did not take yet */
  unsigned int questions;  /* of its lines among the server's; then nothing is read */
  question *wait;          /* these, while Redis is asked about some; of a policy client, policy's */
  policy_asked *policy;
  unsigned int waiting; /* how many Redis has not answered */
  client *ready;        /* the list of those for whom it has */
  size_t at;            /* how much of in has become questions */
  size_t len, room;
  char in[]; /* room bytes: SERVER_IN; POLICY_REQUEST_MAX */
};

typedef struct listener_s listener;
struct listener_s
{
  int fd;
  unsigned int may; /* of its clients: ASKER_TCP, ASKER_POLICY or 0 */
};

typedef struct server_s server;
struct server_s
{
  engine *engine;
  int epoll;
  listener listeners[SERVER_LISTENERS];
  unsigned int n;
  unsigned int clients, clients_max;
  unsigned int due; /* clients that have a deadline */
  client *oldest, *newest;
  client *again;      /* a list */
  client *dead;       /* a list, to be freed */
  client *ready;      /* a list: Redis has answered */
  unsigned int redis; /* what epoll knows of its descriptor */
  int redis_writes;
  uint64_t redis_due;
  uint64_t paused;   /* ms, until when nothing is accepted; 0: not paused */
  size_t held;       /* bytes, of all clients' out */
  int failing;       /* the errno for which newcomers wait, which the log knows; 0: none */
  uint64_t answered; /* in this turn */
  stralloc out;      /* answers to the client at hand */
  question questions[SERVER_QUESTIONS];
  client *asking[SERVER_QUESTIONS]; /* whose they are, in order */
  unsigned int n_questions, n_asking;
  uint64_t end_by; /* ms, when the last client is let go; 0: not ending */
};
#define SERVER_ZERO                                                                                          \
  {                                                                                                          \
    .engine = 0, .epoll = -1, .n = 0, .oldest = 0, .newest = 0, .again = 0, .dead = 0, .out = STRALLOC_ZERO  \
  }

extern int server_init(server *s, engine *e, unsigned int clients_max);
/* fd: listening, non-blocking. may: as of a listener. */
extern int server_listen(server *s, int fd, unsigned int may);
/* For descriptors of the caller's own, which server_turn tells of. */
extern int server_watch(server *s, int fd);
/* Waits, and answers what there is. Returns 1 if one that is watched is readable, 0, or -1 and errno. */
extern int server_turn(server *s);
/* Closes the listeners; server_turn goes on until server_done: nothing is owed, or TIMEOUT_DRAIN is over. */
/* Answers without Redis all who wait for it: the rules or the table are about to change. */
extern void server_hurry(server *s);
extern void server_end(server *s);
extern int server_done(server const *s);
/* In a process that was forked: lets go of all but the listeners; and serves on these, where the other has ended. */
extern void server_forked(server *s);
extern int server_succeed(server *s);
extern void server_free(server *s);

#endif
