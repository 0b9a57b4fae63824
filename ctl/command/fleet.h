#ifndef CTL_COMMAND_FLEET_H
#define CTL_COMMAND_FLEET_H

#include <ctl/context.h>

/*
 * Several machines at once: `--host NAME` (ssh, or what [fleet] says) and `--fleet` (all of [fleet]) in the arguments of
 * status and overload. The machines are asked side by side, and one that does not answer holds up nobody.
 */

/* Whether the arguments ask for that. */
extern int fleet_asked(int argc, char const *const *argv);
/* Runs the command on these machines. Returns the exit status: the worst of theirs. */
extern int fleet_command(context const *cx, int argc, char const *const *argv);

#endif
