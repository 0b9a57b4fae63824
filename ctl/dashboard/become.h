#ifndef CTL_DASHBOARD_BECOME_H
#define CTL_DASHBOARD_BECOME_H

#include <ctl/context.h>

/*
 * Becomes the live dashboard, a program of its own that is linked with ncurses. name: the service to begin
 * with, or 0. Returns only on failure, which it has said: the exit status.
 */
extern int dash_become(context const *cx, char const *name);

#endif
