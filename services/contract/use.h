#ifndef SERVICES_CONTRACT_USE_H
#define SERVICES_CONTRACT_USE_H

#include <skalibs/genalloc.h>

/*
 * A file that a service's user must be able to use: what `mailctl check` and `up` ask the kernel about, as that
 * user. One that does not exist is no concern of theirs.
 */
typedef struct use_s use;
struct use_s
{
  char const *path; /* absolute */
  int mode;         /* access(2)'s: R_OK, X_OK, or F_OK: to be reached */
  char const *from; /* the file that names it, for the error; 0: that goes without saying. Not owned */
};

/* Appends DIRECTORY/NAME, or name itself where it is absolute. 0, or -1 and ENOMEM. */
extern int use_add(genalloc *uses, int mode, char const *directory, char const *name);
extern int use_add_from(genalloc *uses, int mode, char const *directory, char const *name, char const *from);
extern void uses_free(genalloc *uses);

#endif
