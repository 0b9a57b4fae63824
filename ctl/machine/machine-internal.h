#ifndef CTL_MACHINE_MACHINE_INTERNAL_H
#define CTL_MACHINE_MACHINE_INTERNAL_H

#include <sys/types.h>

#include <services/contract/service.h>

/* Whether pid is the bundle's own, already up. Also where nobody can tell, because RUN, which is reported itself, is shut. */
extern int machine_is_ours(bundle const *b, pid_t pid);

#endif
