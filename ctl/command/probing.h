#ifndef CTL_COMMAND_PROBING_H
#define CTL_COMMAND_PROBING_H

#include <ctl/machine/load.h>

/*
 * Whether what is live does its work, as [bundle] probe says: light, a session with each listener (greeting, EHLO, STARTTLS);
 * full, also a login with a user and a message to a Maildir that exist for it alone, and are removed again. With names: the
 * listeners among these. Returns 0; or EXIT_NO with what is wrong said, and in why with a NUL.
 */
extern int probing_run(context const *cx, wanted const *w, int argc, char const *const *names, stralloc *why);

#endif
