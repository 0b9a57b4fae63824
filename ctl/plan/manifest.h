#ifndef CTL_PLAN_MANIFEST_H
#define CTL_PLAN_MANIFEST_H

#include <stddef.h>

#include <skalibs/stralloc.h>

#include <ctl/plan/plan.h>

/*
 * A plan as text, the file `manifest` of a generation, a line each:
 *
 *   mailctl generation 2
 *   set PREFIX                            the software set: the prefix that mailctl and its daemons are installed below
 *   service NAME CONTENT DATA LOG USER    in start order (hashes: half a SHA-256, hex; USER `-`: whoever runs mailctl)
 *
 * and behind each service
 *
 *   need NAME, control NAME
 *   directory MODE USER PATH, shared MODE USER PATH    (which others keep files in, too)
 *   file MODE HASH PATH
 *   program PATH
 *
 * and at last `end LINES`, the number of lines before it: one that was cut is not whole. The first format, which ends
 * anywhere, has neither this line nor the set, controls, programs and users.
 */

/* The manifest of p, whose bundle tells the set. 0, or -1 and ENOMEM. */
extern int plan_manifest(plan const *p, stralloc *sa);

/*
 * The plan that a manifest tells, without kinds, and with files whose bytes are the hash alone. Its strings are its own,
 * users included. set: emptied, then PREFIX and a NUL; left empty where the manifest is of the first format. 0, or -1 and
 * errno (EINVAL: damaged).
 */
extern int plan_read(plan *p, stralloc *set, char const *manifest, size_t len);

#endif
