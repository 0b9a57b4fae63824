#ifndef CTL_PLAN_GENERATION_H
#define CTL_PLAN_GENERATION_H

#include <stddef.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include <ctl/plan/plan.h>

#define GENERATION_ABOUT  "about.txt"
#define GENERATION_HEALTH "health.txt"

/*
 * A plan on disk: STATE/generations/NNNN/, never edited once it is there, with
 *
 *   mailctl.conf   the configuration that it came from
 *   NAME/...       the service directories' files
 *   manifest       the plan in short: ctl/plan/manifest.h
 *   about.txt      `made @TAI64N`, `command WORDS`, and `program HASH IDENTITY PATH` for each program that it runs,
 *                  as it was then (ctl/machine/software.h)
 *   health.txt     what became of it, the one file that is written later, in one step: `healthy`; `failed WHY`; or
 *                  `left`: somebody rolled back from it. Without it nobody knows
 *
 * STATE/current is a symlink to one of them.
 */

typedef struct entry_s entry; /* one service of a generation */
struct entry_s
{
  char *name;
  char content[PLAN_HASH + 1];
  char data[PLAN_HASH + 1];
  char log[PLAN_HASH + 1];
  genalloc needs; /* of char * */
  int left;       /* it runs, and is not in the generation: see stored_load */
};

typedef struct generation_s generation;
struct generation_s
{
  unsigned int number; /* 0: none yet */
  genalloc entries;    /* of entry, in start order */
  stralloc manifest;
  stralloc set; /* the prefix of its software set and a NUL; empty where it is not known */
};
#define GENERATION_ZERO                                                                                      \
  {                                                                                                          \
    .number = 0, .entries = GENALLOC_ZERO, .manifest = STRALLOC_ZERO, .set = STRALLOC_ZERO                   \
  }

/* The number that STATE/current points to; 0 if there is none. -1 and errno otherwise. */
extern int generation_current(char const *state, unsigned int *number);
/* Reads the current one; number 0 if there is none. 0, or -1 and errno (EINVAL: a damaged manifest). */
extern int generation_read(generation *g, char const *state);
/* The same of any one. 0, or -1 and errno (ENOENT: there is none of that number). */
extern int generation_load(generation *g, char const *state, unsigned int number);
/* Appends the numbers of those that there are, ascending, to a genalloc of unsigned int. 0, or -1 and errno. */
extern int generation_list(genalloc *numbers, char const *state);
/* Appends a file of one, name being its path below it. 0, or -1 and errno. */
extern int generation_file(stralloc *bytes, char const *state, unsigned int number, char const *name);
/*
 * Whether each file is what the manifest says, of which plan_read made p. 0, or -1 and errno (EILSEQ: it is another); the
 * path of that file, below the generation, and a NUL are in wrong.
 */
extern int generation_verify(char const *state, unsigned int number, plan const *p, stralloc *wrong);
extern entry *generation_find(generation const *g, char const *name);
extern void generation_free(generation *g);

/*
 * Writes p whole under a temporary name, syncs it, and renames it to the next free number, which it
 * returns by number. The caller holds the lock. 0, or -1 and errno; nothing is left in that case.
 */
extern int generation_write(char const *state, plan const *p, char const *conf, size_t len,
                            stralloc const *about, unsigned int *number);
/* Writes what a generation has into dir, which is made. Nothing is synced. 0, or -1 and errno. */
extern int generation_lay(char const *dir, plan const *p, char const *conf, size_t len);
/* Points STATE/current at number, in one step. */
extern int generation_switch(char const *state, unsigned int number);
/* Writes text as what became of one. 0, or -1 and errno. */
extern int generation_note(char const *state, unsigned int number, char const *text);
/* Removes the oldest but keep, and whatever a crash left; never the current one, nor `also`. */
extern int generation_prune(char const *state, unsigned int keep, unsigned int also);
/* Removes one. It is whole, or not there, whenever this is interrupted. */
extern int generation_discard(char const *state, unsigned int number);

#endif
