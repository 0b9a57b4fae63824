#ifndef SERVICES_REMOTE_STS_H
#define SERVICES_REMOTE_STS_H

#include <skalibs/stralloc.h>

/* MTA-STS (RFC 8461), by the socketmap protocol of postfix-mta-sts-resolver. */

#define STS_SECONDS 20

/*
 * Asks the server at place (`ADDRESS:PORT`, or the path of a unix socket) for the policy of domain. Returns 1: it is
 * enforced, and patterns (NUL after each) says which exchangers there are, each verified; 0: there is none; -1 and errno: the
 * server could not tell, or is away.
 */
extern int sts_ask(char const *place, char const *domain, stralloc *patterns);

/* Pure. The same for the server's answer, the netstring's content. -1: EPROTO, or EAGAIN for its own TEMP. */
extern int sts_read(char const *s, size_t len, stralloc *patterns);
/* Pure. Whether the exchanger is one of them: `.example.org` is any one name below. */
extern int sts_allows(stralloc const *patterns, char const *exchanger);

#endif
