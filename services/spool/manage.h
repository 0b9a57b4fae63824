#ifndef SERVICES_SPOOL_MANAGE_H
#define SERVICES_SPOOL_MANAGE_H

#include <stdint.h>

#include <services/spool/message.h>

/* Messages of a spool by hand: found, and moved between its directories. What it means to move one, spool-send(8) says. */

typedef enum place_e
{
  PLACE_LOCAL,  /* todo: spool-deliver's */
  PLACE_OUT,    /* handed over to spool-send */
  PLACE_REMOTE, /* in its schedule */
  PLACE_HELD,   /* nobody's, until it is released */
  PLACE_FAILED, /* put aside */
  PLACES
} place_of;

/* The directory's name, and what people call the state. */
extern char const *const place_directories[PLACES];
extern char const *const place_states[PLACES];

/* Which messages are meant. What is 0 does not count. */
typedef struct filter_s filter;
struct filter_s
{
  char const *const *ids; /* names, or ends of names, ended by a 0: one of these */
  char const *sender;     /* patterns of fnmatch(3), case ignored */
  char const *recipient;  /* one who does not have it yet */
  char const *host;       /* of such a one */
  char const *state;
  uint64_t older; /* seconds */
};

typedef struct entry_s entry;
struct entry_s
{
  place_of place;
  char const *name;
  uint64_t age; /* seconds; 0: nobody knows */
  message *m;
};

/* Whether the recipient does not have it yet, by his mark. */
extern int recipient_waits(char mark);
/* Pure. */
extern int filter_matches(filter const *f, entry const *e);

typedef struct manager_s manager;
struct manager_s
{
  char const *path;
  int directory[PLACES]; /* -1: there is none */
  int notes;
  filter filter;
};

/* Opens the spool's directories, making that for held messages. Returns 0, or -1 and errno. */
extern int manager_open(manager *m, char const *path);
/* Calls f for each message that the filter matches. Returns how many, or -1 and errno. A result below 0 of f ends it. */
typedef int each_entry(manager *m, entry *e, void *data);
extern int manager_walk(manager *m, each_entry *f, void *data);

/*
 * What can be done; each takes a message where it can be, and returns 1, 0: not in this state, or -1 and errno. Retry: now.
 * Bounce: all who do not have it have failed, and its sender is told.
 */
extern int manage_retry(manager *m, entry *e, void *data);
extern int manage_hold(manager *m, entry *e, void *data);
extern int manage_release(manager *m, entry *e, void *data);
extern int manage_bounce(manager *m, entry *e, void *data);
extern int manage_drop(manager *m, entry *e, void *data);

/* Prints one message: a line, an object of JSON (jansson), or all about it. data of the second: the array. */
extern int manage_line(manager *m, entry *e, void *data);
extern int manage_json(manager *m, entry *e, void *data);
extern int manage_show(manager *m, entry *e, void *data);

#endif
