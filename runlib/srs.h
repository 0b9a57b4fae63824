#ifndef RUNLIB_SRS_H
#define RUNLIB_SRS_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

/*
 * The Sender Rewriting Scheme (Meng Weng Wong and Shevek, 2003): a forwarded message's sender becomes an address of ours,
 * so that SPF passes, and what comes back to it finds the old one. Local parts are
 *
 *   SRS0=HASH=DAY=domain=local
 *   SRS1=HASH=domain=REST      where the sender was SRS0REST@domain already, or SRS1 with that in it
 *
 * Only who has the key makes addresses that lead anywhere. Pure. now: seconds since 1970.
 */
#define SRS_KEY  16 /* bytes */
#define SRS_DAYS 21 /* an address comes back */

/* Whether a local part (it need not end at the at) has the form. */
extern int srs_is(char const *local);
/* Appends what sender, which is not empty, becomes at this domain, no NUL. Returns 0, or -1 (ENOMEM). */
extern int srs_forward(stralloc *sa, unsigned char const *key, uint64_t now, char const *sender,
                       char const *domain);
/* Appends the address that a local part of len bytes stands for, no NUL. Returns 1; 0: it is not ours, or too old; -1 (ENOMEM). */
extern int srs_reverse(stralloc *sa, unsigned char const *key, uint64_t now, char const *local, size_t len);

#endif
