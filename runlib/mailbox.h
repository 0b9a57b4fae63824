#ifndef RUNLIB_MAILBOX_H
#define RUNLIB_MAILBOX_H

#include <stddef.h>

#include <skalibs/stralloc.h>

/*
 * Addresses as headers and SMTP commands have them (RFC 5322, 3.4.1; RFC 5321, 4.1.2). An envelope's are without
 * quotes: `victim@a.test> x@b.test` is one there, and would be two addresses in a header.
 */

/* Appends a local part, quoted if it must be; control characters become `?`. Returns 0, or -1 (ENOMEM). */
extern int mailbox_local(stralloc *sa, char const *local, size_t len);
/* Appends an address of an envelope, its local part so; what no domain has becomes `?`. Returns 0, or -1 (ENOMEM). */
extern int mailbox_address(stralloc *sa, char const *address);

#endif
