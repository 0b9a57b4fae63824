#ifndef CTL_COMMAND_DELEGATED_H
#define CTL_COMMAND_DELEGATED_H

#include <ctl/command/command.h>
#include <ctl/live/transition.h>

/*
 * `up NAME...` and `down NAME...` by a user who may not write in STATE, but may control these services
 * (ctl/grant.h): the monitor's commands. What was brought up last is started and stopped, as it is.
 * Returns the exit status; -1: the caller is no such user.
 */
extern int delegated_move(context const *cx, goal g, int argc, char const *const *names);

#endif
