#ifndef RUNLIB_READY_H
#define RUNLIB_READY_H

/*
 * s6's readiness notification: writes a newline to fd and closes it. The run scripts that mailctl
 * writes give it as descriptor 3 (notification-fd). fd 0 or less: does nothing.
 * Returns 0, or -1 and errno (the descriptor is closed all the same).
 */
extern int ready_notify(int fd);

#endif
