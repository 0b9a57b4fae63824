#ifndef CTL_LIVE_CLAIM_H
#define CTL_LIVE_CLAIM_H

#include <services/contract/service.h>

/*
 * A bundle is one mailctl.conf, one STATE and one RUN. Links in STATE and RUN, which up makes, say which belong together:
 *
 *   STATE/.run    RUN
 *   STATE/.file   mailctl.conf
 *   RUN/.state    STATE
 *
 * Where one of them leads to another that is there, and what it belongs to is up, two bundles would have the same
 * services: [bundle] run or state was changed, or a second file has the same ones.
 */

/* Whether that is so; which, and the way out, goes to r. */
extern int claim_taken(bundle const *b, report *r);
/* Makes the links. 0, or -1 and errno. */
extern int claim_make(bundle const *b);

#endif
