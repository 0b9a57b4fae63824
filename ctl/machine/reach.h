#ifndef CTL_MACHINE_REACH_H
#define CTL_MACHINE_REACH_H

#include <limits.h>
#include <sys/types.h>

/* What a user may do with a file, asked of the kernel itself. */

#define REACH_GROUPS 256

typedef struct who_s who;
struct who_s
{
  uid_t uid;
  gid_t gid;
  gid_t groups[REACH_GROUPS];
  int count;
};

/* Looks name up. 0; -1 and errno: ENOENT if there is no such user. */
extern int who_find(who *w, char const *name);

/*
 * Whether w may use path: mode is faccessat's, F_OK meaning that it can be reached. w 0: whoever we are;
 * otherwise this must be root, which becomes w for a moment. 0, or an errno. For EACCES, culprit
 * (PATH_MAX bytes) becomes the file or directory that says no.
 */
extern int reach_try(who const *w, char const *path, int mode, char *culprit);
/*
 * What to type so that w (0: we) may use culprit, a file or directory that reach_try with mode named: chmod, for the class
 * of users that counts for w, into text (REACH_MEND bytes).
 */
#define REACH_MEND (4 * PATH_MAX)
extern void reach_mend(who const *w, char const *culprit, int mode, char *text);

#endif
