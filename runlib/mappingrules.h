#ifndef RUNLIB_MAPPINGRULES_H
#define RUNLIB_MAPPINGRULES_H

#include <skalibs/stralloc.h>
#include <sys/stat.h>

#include <runlib/mapping.h>

/* Reads the files that a mapping is made of, again whenever they change. */
typedef struct rules_files_s rules_files;
struct rules_files_s
{
  char const *control;  /* the directory of qmail control files: locals, or me and rcpthosts */
  char const *aliases;  /* 0: none */
  char const *catchall; /* 0: none */
  int foreign;          /* as in a mapping */
  int programs; /* the same; RULES_RUN: they will be run, so that nobody but its owner may write the file */
};

#define RULES_FILES 4
#define RULES_RUN   2

typedef struct rules_s rules;
struct rules_s
{
  int loaded;
  int stale; /* what the files say now is not in force: they have a mistake, or cannot be read */
  struct stat seen[RULES_FILES]; /* st_ino 0: it was not there */
  stralloc wrong;                /* after -1: what, with the file and the line; NUL-terminated */
};
#define RULES_ZERO                                                                                           \
  {                                                                                                          \
    .loaded = 0, .stale = 0, .wrong = STRALLOC_ZERO                                                          \
  }

/*
 * Returns 1: read; 0: nothing has changed; -1: something is wrong, said once, and *m is what it was. A mistake
 * stays one until its file changes; what cannot be read for another reason is tried again each time.
 */
extern int rules_load(rules *r, rules_files const *f, mapping *m);
/* The next rules_load reads everything. */
extern void rules_forget(rules *r);

#endif
