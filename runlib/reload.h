#ifndef RUNLIB_RELOAD_H
#define RUNLIB_RELOAD_H

/*
 * What a daemon that answers HUP says in its log, behind `PROG: info: ` and `PROG: warning: unable to `: `mailctl reload` waits
 * for one of them.
 */
#define RELOAD_DONE "reloaded"
#define RELOAD_KEPT "reload: "

#endif
