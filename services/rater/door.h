#ifndef RATER_DOOR_H
#define RATER_DOOR_H

/*
 * raterd's TCP sockets outlive it as the listeners' of mail do: runlib/tcp/standby.h. Without a door, these are sockets
 * as any. One of it a process.
 */

/* Takes the sockets of whoever is at the door, who has ended then. Returns 0, or -1 and errno. */
extern int door_open(char const *path);
/* Listens on an address, in both families for `*`. Returns how many sockets; 0: *why says why (static), or errno. */
extern unsigned int door_listen(char const *text, int fds[2], char const **why);

typedef enum door_role_e
{
  DOOR_FIRST, /* another stands by, or cannot */
  DOOR_NEXT,  /* this is the process that stood by, and now is to listen: door_stand comes next */
  DOOR_SHUT   /* the same, but all is to end */
} door_role;

/* Forks the one that stands by, in which forked(data) lets go of all but the sockets. Sockets that nobody asked for are closed. */
extern door_role door_stand(void (*forked)(void *data), void *data);
/* Readable: door_event. -1: none. */
extern int door_fd(void);
/* Returns 1: this process is to end; 2: there is none that stands by any more; 0: nothing. */
extern int door_event(void);

#endif
