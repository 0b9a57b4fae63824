#ifndef CTL_MAKER_H
#define CTL_MAKER_H

#include <stddef.h>
#include <sys/types.h>

#include <skalibs/genalloc.h>

/*
 * Makes the files of a new bundle, and can take all of it back. Nothing that is there already is ever
 * changed or removed. Names count from the maker's folder. What goes wrong is said on stderr;
 * each function returns 0, or -1.
 */
typedef struct maker_s maker;
struct maker_s
{
  char const *folder; /* absolute; exists, or its parent does */
  int give;           /* 1: we are root, and things may be given to uid and gid */
  uid_t uid;
  gid_t gid;
  genalloc made; /* of char *: absolute, in order */
};
#define MAKER_ZERO                                                                                           \
  {                                                                                                          \
    .folder = 0, .give = 0, .made = GENALLOC_ZERO                                                            \
  }

enum
{
  MAKER_OURS = 0, /* stays with who runs mailctl */
  MAKER_USERS = 1 /* is given to uid and gid, where give is set */
};

/* The folder itself, if it is missing; then it is one of the things that undo removes. */
extern int maker_begin(maker *m);
extern int maker_folder(maker *m, char const *name, mode_t mode, int whose);
extern int maker_file(maker *m, char const *name, char const *bytes, size_t len, mode_t mode, int whose);
extern int maker_link(maker *m, char const *name, char const *target);
/* Sets the mode of what a program made. */
extern int maker_mode(maker *m, char const *name, mode_t mode);
/* Runs a program with umask 077, input on its stdin (short: it must fit a pipe). Shows its output if it fails. */
extern int maker_run(maker *m, char const *const *argv, char const *input);

extern void maker_undo(maker *m);
/* Frees; what was made stays. */
extern void maker_end(maker *m);

#endif
