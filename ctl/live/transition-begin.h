#ifndef CTL_LIVE_TRANSITION_BEGIN_H
#define CTL_LIVE_TRANSITION_BEGIN_H

#include <ctl/live/transition.h>

/* A transition's own half: what is done to one service. transition.c decides when, and follows it. */

#define KILL_TIME 15000 /* ms after drain: TERM, KILL, and the reaping */

extern void move_set_step(transition const *t, move *m, step s);
/* The move has ms from stamp on; 0: for ever. */
extern void move_set_deadline(move *m, unsigned int ms, tain const *stamp);
/* s6-supervise cannot be reached; errno says why. */
extern void move_lose(transition const *t, move *m);
/* Commands what its goal and its status ask for. */
extern void move_begin(transition const *t, move *m, tain const *stamp);
/*
 * Makes s6-supervise write a status anew that cannot be read: it does so each time it is told what it wants
 * (s6-supervise.c, wantup and killc), and a service that runs runs on. A stop is told to stop at once.
 */
extern void move_ask(transition const *t, move *m, tain const *stamp);

#endif
