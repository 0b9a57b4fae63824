#ifndef SERVICES_SPOOL_HANDOFF_H
#define SERVICES_SPOOL_HANDOFF_H

#include <services/spool/deliver.h>

/* What spool-deliver leaves to spool-send: recipients at other hosts. */

/* The host of an address, in lower case, into host (256 bytes). Returns 0, or -1: it has none, or too long a one. */
extern int host_of(char const *address, char *host);

/*
 * Whether the recipient is spool-send's: its host is none of ours. It is marked so, if it was not; and it stays so once it has failed there. Where nothing goes out
 * (s->out is 0), nobody is.
 */
extern int handoff_is_for(spool const *s, message *m, recipient const *r);

/*
 * again: also one that it has already, since there is something new.
 * Gives it the message in todo/: a second name of the same file, in out/. Each side removes its own name when it needs it no
 * more. Returns 0, or -1 and errno; it is on disk after a sync of out/.
 */
extern int handoff_give(spool const *s, char const *name, int again);

#endif
