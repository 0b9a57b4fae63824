#ifndef SERVICES_SPOOL_REPORT_H
#define SERVICES_SPOOL_REPORT_H

#include <services/spool/deliver.h>

/*
 * Tells the sender of those recipients who are marked ENVELOPE_FAILED, for the reasons in notes (notes.h; a NUL ends them). What nobody can be
 * told of, a report about a report, is put aside in failed/. Says what it did. Returns 1: told, 0: put aside, or -1 and errno.
 */
extern int report_failure(spool const *s, message *m, char const *name, char const *notes);
/* Puts it aside, with the reasons. Returns 0, or -1 and errno. */
extern int report_aside(spool const *s, message *m, char const *name, char const *notes);

#endif
