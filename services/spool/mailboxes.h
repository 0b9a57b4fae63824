#ifndef SERVICES_SPOOL_MAILBOXES_H
#define SERVICES_SPOOL_MAILBOXES_H

/*
 * Makes Maildirs, and takes them away: what mailctl has spool-deliver do as the user whom they belong to. argv[0] is the
 * option (--make [-q BYTES], --retire, --purge), the rest are Maildirs. Says what fails. Returns an exit code; -1: argv[0] is none of these.
 */
extern int mailboxes(char const *const *argv);

#endif
