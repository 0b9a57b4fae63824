#ifndef CTL_PLAN_GENERATION_H
#define CTL_PLAN_GENERATION_H

#include <stddef.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include <ctl/plan/plan.h>

/*
 * A plan on disk: STATE/generations/NNNN/, never edited once it is there, with
 *
 *   mailctl.conf   the configuration that it came from
 *   NAME/...       the service directories' files
 *   manifest       text, a line each: `service NAME CONTENT DATA LOG` in start order, and behind each
 *                  `need NAME`, `folder MODE USER PATH` and `file MODE HASH PATH` (hashes: half a SHA-256, hex)
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
};
#define GENERATION_ZERO                                                                                      \
  {                                                                                                          \
    .number = 0, .entries = GENALLOC_ZERO, .manifest = STRALLOC_ZERO                                         \
  }

/* The number that STATE/current points to; 0 if there is none. -1 and errno otherwise. */
extern int generation_current(char const *state, unsigned int *number);
/* Reads the current one; number 0 if there is none. 0, or -1 and errno (EINVAL: a damaged manifest). */
extern int generation_read(generation *g, char const *state);
extern entry *generation_find(generation const *g, char const *name);
extern void generation_free(generation *g);

/*
 * Writes p whole under a temporary name, syncs it, and renames it to the next free number, which it
 * returns by number. The caller holds the lock. 0, or -1 and errno; nothing is left in that case.
 */
extern int generation_write(char const *state, plan const *p, char const *conf, size_t len,
                            unsigned int *number);
/* Writes what a generation has into dir, which is made. Nothing is synced. 0, or -1 and errno. */
extern int generation_lay(char const *dir, plan const *p, char const *conf, size_t len);
/* Points STATE/current at number, in one step. */
extern int generation_switch(char const *state, unsigned int number);
/* Removes the oldest but keep, and whatever a crash left; never the current one. */
extern int generation_prune(char const *state, unsigned int keep);

#endif
