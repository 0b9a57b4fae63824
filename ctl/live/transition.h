#ifndef CTL_LIVE_TRANSITION_H
#define CTL_LIVE_TRANSITION_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>
#include <skalibs/tai.h>

#include <services/contract/service.h>

#include <ctl/live/live.h>

/*
 * Takes services from what they are to what is wanted, in order, independent ones side by side: a start
 * waits until all that the service needs is ready, a stop until all that need it are down.
 */

typedef enum goal_e
{
  GOAL_KEEP, /* is there for the others' order only */
  GOAL_START,
  GOAL_STOP,
  GOAL_RESTART
} goal;

typedef enum step_e
{
  STEP_WAITING, /* for others */
  STEP_STOPPING,
  STEP_STARTING,
  STEP_DONE,
  STEP_DIED,    /* before it was ready; how is in status.wstat */
  STEP_LATE,    /* not ready, or not down, in time */
  STEP_BLOCKED, /* never tried: blocker failed */
  STEP_LOST     /* s6-supervise cannot be reached; error says why */
} step;

typedef struct move_s move;
struct move_s
{
  char const *name;
  genalloc const *needs; /* of char * */
  goal goal;
  step step;
  char *dir;     /* RUN/servicedirs/NAME */
  char *blocker; /* not owned */
  int error;
  int begun;  /* its `u` event was seen */
  int asked;  /* its status could not be read, and is being written anew */
  int killed; /* it was sent KILL, because it did not stop in time */
  pid_t old;  /* the process that a restart ends */
  uint16_t watch;
  unsigned int patience; /* ms that it has for this; 0: for ever */
  tain start;            /* when it began; this and deadline on the stopwatch */
  tain deadline;
  tain ended; /* when it came to its last step, on the stopwatch */
  tain began; /* when it began, wall clock */
  live_status status;
};

typedef struct transition_s transition;
struct transition_s
{
  bundle const *bundle;
  genalloc moves;          /* of move */
  unsigned int start_time; /* milliseconds that a start may take */
  unsigned int stop_time;  /* and a stop; 0: for ever */
  int limited; /* by one who may send commands, and no more: no file is written, and no event heard */
  live_events *events;
  void (*progress)(transition const *t, move const *m, void *data); /* called at each change of step */
  void *data;
  stralloc *why; /* if not 0, progress_run puts there which failed first, and how, and a NUL */
};
#define TRANSITION_ZERO                                                                                      \
  {                                                                                                          \
    .bundle = 0, .moves = GENALLOC_ZERO, .limited = 0, .events = 0, .progress = 0, .why = 0                  \
  }

#define transition_moves(t) genalloc_s(move, &(t)->moves)
#define transition_count(t) genalloc_len(move, &(t)->moves)

/* Sets the bundle, and the times that it gives a start ([bundle] ready-timeout) and a stop (drain, and a margin). */
extern void transition_init(transition *t, bundle const *b);
/* Adds a service; needs must outlive the transition. 0, or -1 and ENOMEM. */
extern int transition_add(transition *t, char const *name, genalloc const *needs, goal g);
/* Does it. 0 when every move has come to its end, good or bad; -1 and errno if events cannot be had. */
extern int transition_run(transition *t, tain *stamp);
/* Whether it is still to be done. */
extern int move_open(move const *m);
/* How many of those that are to be moved are at step. */
extern size_t transition_ended(transition const *t, step s);
extern void transition_free(transition *t);

#endif
