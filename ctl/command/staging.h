#ifndef CTL_COMMAND_STAGING_H
#define CTL_COMMAND_STAGING_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include <ctl/machine/reach.h>

#define STAGING_WORK ".mailctl-init"

/*
 * Makes the files of a new bundle in DIRECTORY/.mailctl-init, and moves them to DIRECTORY when all are there; so one
 * that is killed leaves nothing that is in the way of the next. Nothing that is there already is ever changed
 * or removed. It is made by a process whose working directory that is, which root alone can enter: so names count from there, and no
 * path to it is walked twice. What goes wrong is said on stderr; each function returns 0, or -1.
 */
typedef struct staging_s staging;
struct staging_s
{
  char const *directory;    /* absolute; exists, or its parent does */
  char const *const *names; /* what will be in it, 0 behind; the last one tells that all is there */
  char work[PATH_MAX];      /* where things are made, for messages */
  int at;                   /* the directory */
  int back;                 /* the working directory of before */
  int fresh;                /* the directory itself is ours */
  int lock;                 /* held on it */
  unsigned int moved;       /* of the names, by staging_end */
};

/* Begins, in the directory or, if it is missing, in a new one. Returns 1 if something there is in the way. */
extern int staging_begin(staging *m);
/* owner: to whom it is given; 0: nobody. */
extern int staging_directory(staging *m, char const *name, mode_t mode, who const *owner);
extern int staging_file(staging *m, char const *name, char const *bytes, size_t len, mode_t mode);
extern int staging_link(staging *m, char const *name, char const *target);
/* Sets the mode of what a program made. */
extern int staging_mode(staging *m, char const *name, mode_t mode);
/* Runs a program with umask 077, input on its stdin (short: it must fit a pipe). Shows its output if it fails. */
extern int staging_run(staging *m, char const *const *argv, char const *input);

/* Moves all to where it belongs. */
extern int staging_end(staging *m);
/* Removes what was made, also after a staging_end that failed. */
extern void staging_undo(staging *m);

#endif
