#ifndef TLS_HEAP_INTERNAL_H
#define TLS_HEAP_INTERNAL_H

/*
 * Fills the holes in the heap, so that what is allocated from now on lies together in fresh memory. A process
 * that is forked then writes to fewer pages that it shares with its parent, each of which the kernel must copy.
 */
extern void malloc_fill_holes(void);
/* Whether there is no more memory: OpenSSL does not always tell a lack from a mistake in what it reads. */
extern int malloc_is_spent(void);

#endif
