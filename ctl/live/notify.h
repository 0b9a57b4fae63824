#ifndef CTL_LIVE_NOTIFY_H
#define CTL_LIVE_NOTIFY_H

/*
 * Tells systemd, through the datagram socket that NOTIFY_SOCKET names (sd_notify(3); `@` at its front stands for
 * an abstract one), that the service is ready, and status, a line for `systemctl status`. Without the variable
 * there is nobody to tell. Returns once systemd has read it, 0, or -1 and errno.
 */
extern int notify_systemd(char const *status);

#endif
