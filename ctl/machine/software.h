#ifndef CTL_MACHINE_SOFTWARE_H
#define CTL_MACHINE_SOFTWARE_H

#include <skalibs/stralloc.h>

#include <ctl/plan/plan.h>

/*
 * Appends a line `program HASH IDENTITY PATH` for each program of the plan: half its SHA-256, in hex, or `-` where it
 * cannot be read; inode, size and time of change, by which its hash is taken from `before`, such lines of an earlier time,
 * without reading it. 0, or -1 and ENOMEM.
 */
extern int software_describe(stralloc *sa, plan const *p, stralloc const *before);

/*
 * The next program, from *at (0 at first) on, that both have and that is another file in each: its path, whose length goes
 * to *len; 0: none is left.
 */
extern char const *software_differs(stralloc const *one, stralloc const *other, size_t *at, size_t *len);

#endif
