#ifndef CTL_COMMAND_DNSCHECK_H
#define CTL_COMMAND_DNSCHECK_H

#include <skalibs/stralloc.h>

#include <services/contract/service.h>

/*
 * Asks the DNS for the records of the bundle (ctl/machine/records.h), for half a minute at the most. said: a line for each
 * that is missing or wrong, and why that matters, is appended. Returns how many; or -1, and has said why on stderr.
 */
extern int dns_check(stralloc *said, bundle const *b);
/* Prints the records as lines of a zone file. Returns an exit status. */
extern int dns_show(bundle const *b);

#endif
