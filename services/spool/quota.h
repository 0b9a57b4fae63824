#ifndef SERVICES_SPOOL_QUOTA_H
#define SERVICES_SPOOL_QUOTA_H

#include <stdint.h>

/*
 * Whether a Maildir has room for so many bytes more, by its maildirsize (runlib/maildirsize.h). fallback: the limit of one without that
 * file, which is made then; 0: none. Returns 1, 0, or -1 and errno.
 */
extern int quota_fits(int maildir, uint64_t bytes, uint64_t fallback);

#endif
