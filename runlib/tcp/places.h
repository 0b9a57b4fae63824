#ifndef RUNLIB_TCP_PLACES_H
#define RUNLIB_TCP_PLACES_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include <runlib/tcp/endpoint.h>

/*
 * The places of a listener: the sessions that run, and whom each serves. They lie in memory that a listener hands to
 * its successor with its sockets, so that both count the same sessions, whoever's children they are. One process writes
 * them at a time, and one that is killed leaves every place either taken or free.
 * Times are milliseconds since boot (clock_boot_ms).
 */
#define PLACES_MAX 25600

typedef struct place_s place;
struct place_s
{
  endpoint peer;
  uint32_t generation; /* of the bundle, in which its listener was started */
  uint64_t born;
  uint64_t end;  /* when it is told to end; 0: it is not */
  uint32_t told; /* how often it was: TERM, then KILL */
  int pidfd;     /* of one that was adopted, in the process that did */
  pid_t pid;     /* 0: the place is free; written last */
};

/* What a session says of itself, in memory that sessions can write: by it a place is kept, when places run short. */
typedef _Atomic unsigned char place_mark;

typedef struct places_s places;
struct places_s
{
  int fd;    /* the memory's; close-on-exec */
  int watch; /* readable when one of the adopted may have ended */
  unsigned int n;
  unsigned int top; /* all from here on are free */
  unsigned int adopted;
  place *list;       /* not in children */
  place_mark *marks; /* in children; not 0: it has logged in, or sent a recipient */
};

/*
 * Makes them (fd -1), or takes them over with fd: those that still run are adopted, and watched. end: when these are to
 * end, unless they have been told already; 0: they are not. Returns 0, or -1 and errno (EPROTO: fd is something else).
 */
extern int places_open(places *p, int fd, uint64_t end);
/* For a child that is to open them anew, with the same fd. */
extern void places_close(places *p);
/* A free place, for places_take; or PLACES_MAX: there is none. */
extern unsigned int places_free(places const *p);
extern void places_take(places *p, unsigned int i, pid_t pid, endpoint const *peer, uint32_t generation);
/* Frees a child's place and copies its peer out. Returns 1, or 0 if it has none. */
extern int places_leave(places *p, pid_t pid, endpoint *peer);
/* Frees those of adopted ones that have ended. */
extern void places_reap(places *p);
/* Whether one serves this very connection. */
extern int places_serves(places const *p, endpoint const *peer);
/* How many serve this client. */
extern unsigned int places_count(places const *p, client const *c);
/* How many are to end, and the lowest generation among them. */
extern unsigned int places_draining(places const *p, uint32_t *generation);
/* Those that end late are told now, where more than max are to end. */
extern void places_hasten(places *p, unsigned int max, uint64_t now);
/* All are to end by then, at the latest. */
extern void places_end(places *p, uint64_t end);
/* Tells those whose time has come: TERM, KILL five seconds later; after five more they are given up. Returns when to come again; UINT64_MAX: no more. */
extern uint64_t places_tell(places *p, uint64_t now);
/*
 * The place that one must leave for peer when all are taken: unmarked, of the client that has the most, the oldest of
 * these; where all have as few as peer, one of at least PLACES_AGE ms. PLACES_MAX: there is none.
 */
extern unsigned int places_yield(places const *p, endpoint const *peer, uint64_t now);
/* Makes it leave: a signal says why, and KILL follows if it does not. */
extern void places_evict(places *p, unsigned int i, uint64_t now);
/* To all that are unmarked. */
extern void places_signal(places const *p, int signal);
#define PLACES_AGE   3000
#define PLACES_EVICT SIGUSR1 /* your place is another's */
#define PLACES_HURRY SIGUSR2 /* places run short */

#endif
