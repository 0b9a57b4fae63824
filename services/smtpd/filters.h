#ifndef SERVICES_SMTPD_FILTERS_H
#define SERVICES_SMTPD_FILTERS_H

#include "fields.h"
#include "session-internal.h"

/*
 * The milters of a session: milter.c asks them at each stage, filter.c speaks with one, filtering.c brings them the message, and changes.c
 * does what they want of it. The first of them hears the message while it comes. Each of the others must see what the one before it has
 * made of it, so it hears the message when that one has answered: the header from memory, the body from the queue file.
 */

typedef enum step_e
{
  STEP_CONNECT,
  STEP_HELO,
  STEP_MAIL,
  STEP_RCPT,
  STEP_DATA,
  STEP_UNKNOWN,
  STEP_HEADER,
  STEP_EOH,
  STEP_BODY,
  STEP_END
} step;

/* What it means for the session that a milter has spoken. */
typedef enum heard_e
{
  HEARD_MEMORY = -1,
  HEARD_GO,
  HEARD_REFUSED /* by the reply in filters */
} heard;

typedef struct filter_s filter;
struct filter_s
{
  int open;   /* connected; it knows of the client */
  int helo;   /* and of his HELO */
  int passes; /* it has accepted all that comes by this connection */
  /* of the message */
  int asked;
  int done;        /* no more is said to it, but that the message is over */
  int failed;      /* and so is every step of the message that follows */
  int refused;     /* it was refused, discarded or held */
  int skips;       /* it has seen enough of the body */
  uint64_t waited; /* microseconds */
  size_t base;     /* bytes of out that are not the message's */
  int sent;        /* something of the message was sent */
  int ended;       /* it has answered to the end of the message */
  size_t chunk;    /* where the packet of the body begins that is being made; 0: none */
  stralloc out;    /* waits to be sent */
  agreed agreed;
};

/* What a milter wants changed: done when its last word is there, and it is not a refusal. */
typedef struct changes_s changes;
struct changes_s
{
  unsigned int n;
  size_t bytes;
  fields header;
  stralloc from;
  stralloc envelope;
  stralloc why;      /* why the message is held, with a NUL */
  uint64_t size;     /* of the new body */
  char last;         /* of its bytes */
  unsigned int made; /* bits, as follows */
};
#define CHANGED_HEADER     1u
#define CHANGED_SENDER     2u
#define CHANGED_RECIPIENTS 4u
#define CHANGED_BODY       8u
#define CHANGED_HOLD       16u

struct filters_s
{
  stralloc reply; /* of HEARD_REFUSED */
  /* the message */
  char id[48];
  char const *refusal; /* of the recipient that milters are told of; 0: he is none that was refused */
  unsigned int live;   /* who hears it while it comes; milters_n: nobody */
  heard verdict;       /* of what was heard of it before its end */
  fields header;
  int too_long;         /* the header is */
  uint64_t body;        /* where the body begins, in what queue_read reads */
  unsigned int changed; /* as changes.made, by all */
  changes changes;
  filter of[]; /* milters_n */
};

/* milter.c: what becomes of the command. SPP_GO, SPP_REFUSE or -1. */
extern int milter_conclude(session *s, stage where, heard h);

/* macros.c: appends the macros for a stage, which go before the step of that letter. Returns 0, or -1 for ENOMEM. */
extern int macros_put(session *s, unsigned int i, unsigned int stage, char letter);

/* filter.c */
/* Says one step to a milter that is asked, and hears what it answers. -1: ENOMEM. */
extern heard filter_step(session *s, unsigned int i, step what, char const *data, size_t len);
/* Reads an answer, within ms. a->what is 0 where there is none: the milter has failed, and that is the verdict. */
extern heard filter_hear(session *s, unsigned int i, unsigned int ms, milter_answer *a);
extern int filter_flush(session *s, unsigned int i);
/* A packet of that step was put into out: sends what must be sent, and hears what must be heard. */
extern heard filter_said(session *s, unsigned int i, step what);
/* What an answer that ends a step means. */
extern heard filter_obey(session *s, unsigned int i, step what, milter_answer const *a);
/* It is of no more use for this message: HEARD_GO, or refused as configured. e: errno, 0: none. */
extern heard filter_fail(session *s, unsigned int i, char const *what, int e);

/* changes.c */
/* Notes one change. Returns 0; 1: it asks for what cannot be; -1: ENOMEM or errno of the queue. */
extern int changes_note(session *s, unsigned int i, milter_answer const *a);
/* Makes what was noted of this milter true, or forgets it. Both return 0, or -1 and errno. */
extern int changes_commit(session *s, unsigned int i);
extern int changes_drop(session *s);
/* Writes the message as changed. Returns 0, or -1 and errno. */
extern int changes_write(session *s);

#endif
