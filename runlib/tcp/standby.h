#ifndef RUNLIB_TCP_STANDBY_H
#define RUNLIB_TCP_STANDBY_H

#include <sys/types.h>

/*
 * How listening sockets outlive the process that listens. It forks a second one, the standby, which has the same
 * sockets and waits at a unix socket, the door. Whoever is to listen next takes them there; the one that listened before
 * ends at that moment, and so does the standby once its successor has a standby of its own. If the first ends by
 * itself, or is killed, the standby listens in its place until a successor comes. Both must be killed to lose a socket.
 */

#define STANDBY_MAX 80 /* descriptors that are handed over, with the door */

typedef struct standby_s standby;
struct standby_s
{
  int door;                   /* -1: without one, nothing is handed over */
  int pair;                   /* to the other of the two; readable: it has ended, or wants us to */
  pid_t pid;                  /* of the other; 0: there is none */
  uid_t uid;                  /* who may come to the door, beside root */
  int caller;                 /* at the door of one that drains: who waits for its end; -1: nobody */
  void (*forked)(void *data); /* if not 0: lets go, in the new standby, of what is the first's alone */
  void *data;
};
#define STANDBY_NONE                                                                                         \
  {                                                                                                          \
    .door = -1, .pair = -1, .pid = 0, .caller = -1, .forked = 0, .data = 0                                   \
  }

/*
 * Takes over what the standby at path holds: fds (STANDBY_MAX - 1), whose number it returns, 0 if there is none. Whoever
 * listened has ended by then. *caller: to be given to standby_settled. Makes the door if there is none. -1 and errno.
 */
extern int standby_take(standby *s, char const *path, int *fds, int *caller);
/* Tells the one that we took over from that it may end: we have a standby of our own. */
extern void standby_settled(int caller);

typedef enum standby_role_e
{
  STANDBY_FAILED, /* no process: errno */
  STANDBY_FIRST,  /* this is the process that listens; another stands by */
  STANDBY_SECOND, /* this is the other, and the first has ended */
  STANDBY_DRAIN /* this is the other, and all is to end: caller, if any, waits for that; else the door is lost */
} standby_role;

/* Forks a standby that has these descriptors. Returns in both processes; in the standby only when it is needed. */
extern standby_role standby_begin(standby *s, int const *fds, unsigned int n);
/* For the first: the standby has spoken, or ended. Returns 1 if it wants us to end; 0, it is gone: begin another. */
extern int standby_dismissed(standby *s);
/* At the door of one that drains: hands over what is left. Returns 1 if there is nothing more to do. */
extern int standby_answer(standby *s, int const *fds, unsigned int n);

/*
 * Has all that is behind the door at path end: it listens no more at once, and drains. Waits for that, at most ms
 * milliseconds. 0, also when nobody is there; -1 and errno (ETIMEDOUT).
 */
extern int standby_close(char const *path, int ms);

#endif
