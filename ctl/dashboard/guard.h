#ifndef CTL_DASHBOARD_GUARD_H
#define CTL_DASHBOARD_GUARD_H

/*
 * Runs the dashboard in a child, so that the terminal is given back whatever becomes of it, kill -9 included:
 * the parent remembers how the terminal was, and does nothing else but wait, stop when the child stops, and
 * clean up when it was killed. Returns the exit status to end with, to the parent; the child exits with what
 * run returns.
 */
extern int guarded(int (*run)(void *data), void *data);

#endif
