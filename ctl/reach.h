#ifndef CTL_REACH_H
#define CTL_REACH_H

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
 * (PATH_MAX bytes) becomes the file or folder that says no.
 */
extern int reach_try(who const *w, char const *path, int mode, char *culprit);

#endif
