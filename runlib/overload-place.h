#ifndef RUNLIB_OVERLOAD_PLACE_H
#define RUNLIB_OVERLOAD_PLACE_H

#include <stddef.h>

/*
 * The monitor's directory, RUN/overload: the only one that it writes in. Its files:
 *   flag      exists exactly while the level is 1 or 2; control/overloaded is a link to it
 *   hold      exists while a person holds the level: `mailctl overload`
 *   state     what the monitor measured last, and what it needs to go on after a restart
 *   history   the ring of the last hours
 *   lock      locked while a monitor runs
 */

#define PLACE_PATH 4096

/* DIRECTORY/NAME into s (PLACE_PATH bytes). Returns 0, or -1 and errno (ENAMETOOLONG). */
extern int place_path(char *s, char const *directory, char const *name);

/*
 * Makes DIRECTORY/NAME hold the bytes, whatever was there before, without a moment in which it is absent or
 * incomplete. Follows no link, so that root can call it in a directory of another user.
 * Mode 0644. Returns 0, or -1 and errno.
 */
extern int place_replace(char const *directory, char const *name, char const *bytes, size_t len);

/* Removes DIRECTORY/NAME. Returns 0, also if it is not there; or -1 and errno. */
extern int place_remove(char const *directory, char const *name);

/* Whether link is a symbolic link to DIRECTORY/flag: 1 yes, 0 it is something else, -1 and errno. */
extern int overload_leads(char const *link, char const *directory);

/*
 * Makes CONTROL/overloaded a link to RUN/overload/flag, if it is not one. Where it is missing, somebody
 * has removed it, and with it the flag that it led to, if that was made by hand: this takes that flag
 * away as well, lest the hold come back with the link. Returns
 *   0 the link is right, or was made
 *   1 it is no link, but a file: a flag that a person made; it is left alone
 *  -1 and errno: it could not be read or made
 * fix 0: makes nothing, and returns 2 where it would have.
 */
extern int overload_link(char const *control, char const *run, int fix);

#endif
