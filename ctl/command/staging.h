#ifndef CTL_COMMAND_STAGING_H
#define CTL_COMMAND_STAGING_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include <ctl/machine/reach.h>

#define MAKER_WORK ".mailctl-init"

/*
 * Makes the files of a new bundle in FOLDER/.mailctl-init, and moves them to FOLDER when all are there; so one
 * that is killed leaves nothing that is in the way of the next. Nothing that is there already is ever changed
 * or removed. It is made by a process whose working directory that is, which root alone can enter: so names count from there, and no
 * path to it is walked twice. What goes wrong is said on stderr; each function returns 0, or -1.
 */
typedef struct maker_s maker;
struct maker_s
{
  char const *folder;       /* absolute; exists, or its parent does */
  char const *const *names; /* what will be in it, 0 behind; the last one tells that all is there */
  char work[PATH_MAX];      /* where things are made, for messages */
  int at;                   /* the folder */
  int back;                 /* the working directory of before */
  int fresh;                /* the folder itself is ours */
  int lock;                 /* held on it */
  unsigned int moved;       /* of the names, by maker_end */
};

/* Begins, in the folder or, if it is missing, in a new one. Returns 1 if something there is in the way. */
extern int maker_begin(maker *m);
/* owner: to whom it is given; 0: nobody. */
extern int maker_folder(maker *m, char const *name, mode_t mode, who const *owner);
extern int maker_file(maker *m, char const *name, char const *bytes, size_t len, mode_t mode);
extern int maker_link(maker *m, char const *name, char const *target);
/* Sets the mode of what a program made. */
extern int maker_mode(maker *m, char const *name, mode_t mode);
/* Runs a program with umask 077, input on its stdin (short: it must fit a pipe). Shows its output if it fails. */
extern int maker_run(maker *m, char const *const *argv, char const *input);

/* Moves all to where it belongs. */
extern int maker_end(maker *m);
/* Removes what was made, also after a maker_end that failed. */
extern void maker_undo(maker *m);

#endif
