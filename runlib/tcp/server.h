#ifndef RUNLIB_TCP_SERVER_H
#define RUNLIB_TCP_SERVER_H

#include <signal.h>

#include <skalibs/tai.h>

#include <runlib/counters.h>
#include <runlib/tcp/listener.h>
#include <runlib/tcp/options.h>
#include <runlib/tcp/places.h>
#include <runlib/tcp/standby.h>

/* A server of TCP connections, a process each: tcplisten(8), and smtpd(8) --listen. */

#define LISTENERS_MAX (2 * ADDRESSES_MAX)

typedef struct connection_s connection;
struct connection_s
{
  int fd; /* stays the listener's */
  endpoint local;
  endpoint remote;
  char const *label;
  place_mark *mark;
  int hurried; /* places are short already */
};

/* One of a balancer, that has not said yet for whom it is. */
typedef struct parked_s parked;
struct parked_s
{
  connection connection; /* its descriptor is ours */
  size_t seen;           /* bytes of the header that are there */
  uint64_t due;          /* when it must have come (clock_boot_ms) */
};
#define PARKED_MAX 64

/* What is run for a connection. */
typedef struct tcp_program_s tcp_program;
struct tcp_program_s
{
  /* Returns the pid of the process that serves it, or 0 and errno. */
  pid_t (*start)(void *data, connection const *c, sigset_t const *mask);
  void *data;
  int marks; /* its processes mark their places, and know PLACES_EVICT and PLACES_HURRY */
};

/* A log line of one kind at most once a second; the ones between are counted. */
typedef struct hush_s hush;
struct hush_s
{
  tain next;
  unsigned int missed;
};

/*
 * What is published with -s. NOW, LIMIT, DRAINING (sessions that are to end) and DRAINING_OF (their lowest generation),
 * and SHORT (1: places are) are gauges; TOTAL (served), REFUSED, YIELDED (places that were given to another) and BLOCKED only grow.
 */
enum
{
  NOW,
  LIMIT,
  TOTAL,
  REFUSED,
  DRAINING,
  DRAINING_OF,
  SHORT,
  YIELDED,
  BLOCKED,
  COUNTERS
};

typedef struct server_s server;
struct server_s
{
  tcp_options const *o;
  blocks blocks;
  tcp_program program;
  int signals;   /* the selfpipe's descriptor */
  sigset_t mask; /* the signal mask that the processes start with */
  listener listeners[LISTENERS_MAX];
  unsigned int nlisteners;
  standby standby;
  int predecessor; /* waits for our standby, as long as it is not -1 */
  places places;
  int begun[2]; /* a socketpair, in which the connection at hand lies until it has a process: see accept.c */
  parked parked[PARKED_MAX];
  unsigned int nparked;
  uint32_t generation;
  counter *counters[COUNTERS];
  int draining;  /* listens no more */
  int scarce;    /* places are short */
  uint64_t tell; /* when a place is to be told to end (clock_boot_ms) */
  tain pause;    /* no accept before, after a failure */
  int failing;   /* the errno of a failure that lasts, which the log knows; 0: none */
  hush refusals;
  hush failures;
};

/* Whatever else this program was given stays its own; 0, 1 and 2 are open. To be called first. */
extern void server_keep_descriptors(void);
/*
 * Listens, with the sockets and places of a predecessor where there is one, and traps signals. Ends the program if it
 * cannot (111). s->o and s->program must be set, and STAMP.
 */
extern void server_open(server *s);
/* Serves until it is told to end, by a signal or at the door, and has ended its sessions or left them to another. */
extern void server_run(server *s);

/* accept.c */
extern int server_accepts(server const *s);
extern void server_accept(server *s, listener const *l);
/* For a standby that takes the place of one that was killed: serves whom that one had just accepted. */
extern void server_resume(server *s);
/* Serves a connection, or tells the client why not. */
extern void server_serve(server *s, connection *c);
/* Tells it, unless text is 0, and the log. */
extern void server_refuse(server *s, connection const *c, char const *text, char const *why);
extern void server_reap(server *s);
extern void server_count(server *s);

/* parked.c */
extern int parked_comes(server const *s, endpoint const *remote); /* whether that is a balancer */
extern void parked_take(server *s, connection const *c);          /* its descriptor as well */
extern void parked_look(server *s, unsigned int i);               /* at what has come of the i-th */
extern uint64_t parked_expire(server *s); /* returns when to come again; UINT64_MAX: no more */
extern void parked_forget(void *s);       /* closes them all */

#endif
