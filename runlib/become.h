#ifndef RUNLIB_BECOME_H
#define RUNLIB_BECOME_H

#include <sys/types.h>

/* A user and groups, looked up once; becoming them asks no file. */

#define BECOME_GROUPS 64

typedef struct become_s become;
struct become_s
{
  int needed; /* they are not ours already */
  uid_t uid;
  gid_t gid;
  gid_t groups[BECOME_GROUPS];
  int n;
};

/*
 * user, by name or number, with his groups; or with group alone, if it is not 0. user 0: ourselves. Returns 0, or what
 * is wrong in words that begin a message (static), and *what is the name to put behind them.
 */
extern char const *become_find(become *b, char const *user, char const *group, char const **what);
/*
 * Those that s6-envuidgid left in $UID, $GID and $GIDLIST, which are unset. A program that is linked statically looks up
 * no user itself. Returns 0, or -1: they are not there, or make no sense.
 */
extern int become_environment(become *b);
/* Returns 0, or -1 and errno. */
extern int become_them(become const *b);
/*
 * Of all that root may, keeps what becoming others and signalling them needs (capabilities(7)); files are root's then as
 * another user's are his. Nothing, if we are not root. Returns 0, or -1 and errno.
 */
extern int become_able(void);

#endif
