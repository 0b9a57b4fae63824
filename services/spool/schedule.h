#ifndef SERVICES_SPOOL_SCHEDULE_H
#define SERVICES_SPOOL_SCHEDULE_H

#include <stdint.h>

#include <skalibs/genalloc.h>

#include <runlib/spoolname.h>

/*
 * When which message is tried at which destination: in memory, made anew from the spool at each start. Pure: nothing here
 * looks at a file or at a clock. Times are microseconds since 1970. What is done most often takes time by the logarithm
 * of how much waits.
 */
#define SCHEDULE_MAX  200000U /* parcels: 104 bytes each, 21 MB */
#define SCHEDULE_NONE UINT32_MAX

/* A message for the recipients of one destination. */
typedef struct parcel_s parcel;
struct parcel_s
{
  uint64_t due;
  uint32_t to;   /* a destination */
  uint32_t next; /* of the same bucket by name; or of those that are free */
  uint8_t running;
  uint8_t forgotten;        /* it ends once its turn comes */
  char name[SPOOLNAME_FMT]; /* of its message */
};

/* A host that fails is left alone for a while, and tried with one message first after that. */
typedef struct destination_s destination;
struct destination_s
{
  char *host;
  genalloc waiting; /* a heap of parcels, by due */
  uint32_t place;   /* in the heap of destinations */
  uint32_t next;    /* of the same bucket by host; or of those that are free */
  unsigned int running;
  unsigned int limit;    /* grows by each success */
  unsigned int failures; /* in a row */
  uint64_t until;        /* none is tried before */
};

#define SCHEDULE_NAMES 65536U
#define SCHEDULE_HOSTS 4096U

typedef struct schedule_s schedule;
struct schedule_s
{
  unsigned int most;    /* at once, in all */
  unsigned int most_to; /* to one destination */
  uint64_t pause;       /* after the first failure of a message */
  unsigned int running;
  uint32_t waiting; /* parcels that do not run */
  genalloc parcels; /* of parcel */
  genalloc destinations;
  genalloc order; /* a heap of destinations, by when one of their parcels may be tried */
  uint32_t free_parcel;
  uint32_t free_destination;
  uint32_t names[SCHEDULE_NAMES];
  uint32_t hosts[SCHEDULE_HOSTS];
};

extern void schedule_init(schedule *s, unsigned int most, unsigned int most_to, uint64_t pause);
extern void schedule_free(schedule *s);

/* Adds a parcel, unless it is there. Returns 0; or -1 and errno: ENOSPC, there are SCHEDULE_MAX; ENOMEM. host is in lower case. */
extern int schedule_add(schedule *s, char const *name, char const *host, uint64_t due);
/* All of the message are gone but those that are being tried. */
extern void schedule_forget(schedule *s, char const *name);
/* Everything that waits is due at once, and no destination is left alone. */
extern void schedule_hurry(schedule *s);
extern int schedule_full(schedule const *s);

/* Takes the parcel that is to be tried now; SCHEDULE_NONE: there is none. What it is, see below. */
extern uint32_t schedule_next(schedule *s, uint64_t now);
extern parcel const *schedule_parcel(schedule const *s, uint32_t p);
extern char const *schedule_host(schedule const *s, uint32_t p);
/* When schedule_next will have one; UINT64_MAX: not before an attempt is over, or another parcel comes. */
extern uint64_t schedule_when(schedule const *s);

typedef enum health_e
{
  HEALTH_GOOD,    /* the destination answered */
  HEALTH_BAD,     /* it did not */
  HEALTH_UNKNOWN, /* it was not asked */
} health;
/* The attempt is over. due: when it is tried again; 0: never. */
extern void schedule_done(schedule *s, uint32_t p, health h, uint64_t now, uint64_t due);

/* What waits, at one moment. */
#define SCHEDULE_WORST 5
typedef struct schedule_view_s schedule_view;
struct schedule_view_s
{
  uint64_t oldest;   /* the birth of the oldest message; 0: none waits */
  uint32_t deferred; /* parcels for destinations that fail */
  unsigned int n;
  struct
  {
    char const *host; /* the schedule's, until it changes */
    uint32_t waiting;
    unsigned int failures;
    uint64_t until;
  } worst[SCHEDULE_WORST]; /* of these destinations, those with the most parcels first */
};
/* Takes time by how much waits. */
extern void schedule_look(schedule const *s, schedule_view *v);

/*
 * When a message of this birth is due after it failed now: pauses grow with the square root of its age, as qmail-send's
 * do, from `pause`, and are a tenth longer or shorter by chance.
 */
extern uint64_t schedule_retry(uint64_t birth, uint64_t now, uint64_t pause, uint32_t chance);

#endif
