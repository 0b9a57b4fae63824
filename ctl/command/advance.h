#ifndef CTL_COMMAND_ADVANCE_H
#define CTL_COMMAND_ADVANCE_H

#include <stdint.h>

#include <ctl/context.h>
#include <ctl/machine/load.h>

/* The one mechanism of up, rollback and switch: makes a generation live, and keeps it or goes back. */

typedef struct advance_s advance;
struct advance_s
{
  unsigned int
      number; /* what to make live; 0: the plan, as a new generation where it differs from the current one */
  int stay;   /* do not go back, whatever happens */
  uint64_t confirm; /* ms: go back by then, unless somebody confirms; 0: it is kept */
  int argc;         /* with names: only these services and what they need are started */
  char const *const *names;
  char const *const *argv; /* the command, for the record; ends at 0 */
};

/* Takes STATE/lock, which is *lock then, for another command's time at the most. 0, or the exit status, which is said. */
extern int advance_lock(char const *state, char const *command, int *lock);

/* Whether there is a generation of that number, of which nobody found that it is not healthy, and that nobody left. */
extern int advance_may_return(char const *state, unsigned int number);

/*
 * The caller holds the lock. 0: it is live and healthy. EXIT_BACK, EXIT_ILL: it was not, and the one of before runs
 * again. Else what converge says: it is not healthy, and there is none to go back to. All of it is said to stderr.
 */
extern int advance_run(context const *cx, wanted const *w, advance const *a);

#endif
