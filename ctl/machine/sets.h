#ifndef CTL_MACHINE_SETS_H
#define CTL_MACHINE_SETS_H

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include <services/contract/service.h>

/*
 * Software sets: prefixes below [bundle] software, each with a mailctl and all that it runs. The link `current` there leads to
 * the one of the generation that runs.
 */

/* The names of the sets, sorted, to be freed one by one. 0, or -1 and errno. */
extern int sets_list(genalloc *names, char const *software);
/* The name of the set below software whose prefix this is; 0: it lies elsewhere. */
extern char const *sets_name(char const *software, char const *prefix);
/* Leads `current` to the set below the bundle's software that this prefix is, if it is one. 0, or -1 and errno. */
extern int sets_link(bundle const *b, char const *prefix);

#endif
