#ifndef CTL_COMMAND_USERSHOW_H
#define CTL_COMMAND_USERSHOW_H

#include <ctl/command/people.h>

/* Each prints to standard output, and returns 0 or the exit status. */
extern int user_list(people *p);
extern int user_show(people *p, char const *name);

#endif
