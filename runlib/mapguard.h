#ifndef RUNLIB_MAPGUARD_H
#define RUNLIB_MAPGUARD_H

#include <stddef.h>

/*
 * A file that is mapped may be truncated by whoever may write to it, and a look at a page that it no longer has raises
 * SIGBUS. A mapping that is guarded is then replaced, as a whole, by zeroed memory of the process's own, and the look
 * repeated.
 */

/* lost, if not 0, is called with data in the signal's handler, after the replacement. Not noted if 8 are guarded already. */
extern void mapguard_add(void *p, size_t n, void (*lost)(void *data), void *data);
/* To be called before p is unmapped. Nothing, if it is not guarded. */
extern void mapguard_drop(void *p);

#endif
