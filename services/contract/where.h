#ifndef SERVICES_CONTRACT_WHERE_H
#define SERVICES_CONTRACT_WHERE_H

#include <skalibs/stralloc.h>

#include <services/contract/service.h>

/*
 * Where the files lie that several services, and mailctl itself, read or write. Each function is answered by
 * the service that owns the files: spool_* in services/spool, remote_* in services/remote, and so on.
 */

/* Whether the bundle has the embedded spool: mta = embedded, and somebody who queues or a section [spool]. */
extern int spool_present(bundle const *b);
/* Appends the absolute name of SPOOL, of SPOOL/todo and so on with `below` "/todo", and a NUL. 0, or -1 and errno. */
extern int spool_path(stralloc *path, bundle const *b, char const *below);
/* The same for what $SPOOL is to the service `name`: SPOOL, or the socket of spool-intake where that is another user's. */
extern int spool_queue(stralloc *path, bundle const *b, char const *name);
/* The same for the directory of the Maildirs. */
extern int spool_mail(stralloc *path, bundle const *b, char const *below);
/* What [spool] says of a key, as text; 0: nothing. */
extern char const *spool_says(bundle const *b, char const *key);

/* Appends the absolute name of the file of aliases, `aliases` in control unless [spool] says another, and a NUL. 0, or -1 and errno. */
extern int spool_aliases(stralloc *path, bundle const *b);

/* The user that the spool belongs to. */
extern char const *spool_user(bundle const *b);

/* Whether mail goes to other hosts: an embedded spool and a section [remote]. */
extern int remote_present(bundle const *b);
/* Appends the absolute name of the socket that remote serves, for spool's user alone, and a NUL. 0, or -1 and errno. */
extern int remote_socket(stralloc *path, bundle const *b);

/* The user that remote runs as. */
extern char const *remote_user(bundle const *b);

/* Whether mail to other hosts is signed: it goes out, and there is a section [dkim]. */
extern int dkim_present(bundle const *b);
/* The user that signs, and whom the keys belong to. */
extern char const *dkim_user(bundle const *b);
/* Append the absolute names, with a NUL, of the socket that the signer serves for remote's user, and of its keys. */
extern int dkim_socket(stralloc *path, bundle const *b);
extern int dkim_keys(stralloc *path, bundle const *b);

/*
 * The i-th directory that the bundle's monitor counts, from 0, into path (emptied first), NUL included.
 * s: the section [monitor]. Returns 1, or 0 where there are no more, or -1 and errno.
 */
extern int monitor_queue(stralloc *path, bundle const *b, section const *s, size_t i);

/* Appends the absolute name of the directory of [job NAME]'s record (runlib/jobrecord.h), and a NUL. */
extern int job_directory(stralloc *path, bundle const *b, char const *name);

/* Says to r where the key `window` of s names no class of windows, or nobody keeps them. */
extern void rater_examine_window(bundle const *b, section const *s, report *r);

/* Appends the absolute name of [auth]'s file of users, with a NUL. Returns 0, or -1 and errno (ENOMEM). */
extern int auth_users_file(stralloc *path, bundle const *b);
/* The user whom the file belongs to; 0: whoever runs mailctl (the bundle does not run as root). */
extern char const *auth_users_owner(bundle const *b);

#endif
