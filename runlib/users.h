#ifndef RUNLIB_USERS_H
#define RUNLIB_USERS_H

#include <stddef.h>
#include <sys/types.h>

#include <skalibs/stralloc.h>

/*
 * The file of names and password hashes: a line `name:hash` each, and what follows a second colon is
 * somebody else's. Blank lines and lines that begin with `#` are comments. The first line of a name counts.
 * A hash that begins with `!` or `*` fits no password.
 */

#define USERS_NAMEMAX 255

/* One look through the file. The pointers are into its text; length 0: there is none. */
typedef struct users_match_s users_match;
struct users_match_s
{
  char const *hash; /* of the name asked for */
  size_t len;
  char const *rest; /* what follows its hash, up to the line's end: empty, or from the second colon on */
  size_t restlen;
  char const *other; /* of the first name in the file: the measure of work to pretend for an unknown name */
  size_t otherlen;
};

/* Reads all of the text whatever it finds, so that the time it takes does not depend on the name. */
extern users_match users_find(char const *text, size_t len, char const *name);

/* What is wrong with a name and its password, as a sentence without a full stop (static); 0: nothing. */
#define USERS_PAIRMAX 500 /* bytes of both together, so that a checkpassword request holds them */
extern char const *users_pair_fault(char const *name, char const *password);

/* What is wrong with name as a name in the file, as words that follow "the name"; 0: nothing. */
extern char const *users_name_fault(char const *name);

/*
 * Appends to out the text with name's line set to `name:hash`, added if there is none, and rest behind it (0: what follows
 * the second colon is kept); without name's lines if hash is 0. Returns how many lines of that name there were, or
 * -1 and errno (ENOMEM).
 */
extern int users_edit(stralloc *out, char const *text, size_t len, char const *name, char const *hash,
                      char const *rest);

/*
 * Appends to rest, which begins with the second colon, old with this extra field of Dovecot's passwd-file set, as `key=value`; without
 * it if value is 0. Returns 0, or -1 (ENOMEM).
 */
extern int users_set_extra(stralloc *rest, char const *old, size_t len, char const *key, char const *value);
/* The value of an extra field in rest, and its length; 0: there is none. */
extern char const *users_extra(char const *rest, size_t len, char const *key, size_t *n);

/*
 * Sets name's hash, or removes its lines, in the file (runlib/linefile.h); a new one has mode 0600 and belongs to uid and
 * gid. Returns what users_edit returns, or -1 and errno.
 */
extern int users_update(char const *file, char const *name, char const *hash, uid_t uid, gid_t gid);

#endif
