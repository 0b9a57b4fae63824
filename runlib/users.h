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
#define USERS_FILEMAX (16u << 20) /* bytes */

/* One look through the file. The pointers are into its text; length 0: there is none. */
typedef struct users_match_s users_match;
struct users_match_s
{
  char const *hash; /* of the name asked for */
  size_t len;
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
 * Appends to out the text with name's line set to `name:hash` (what followed a second colon is kept), added
 * if there is none; without name's lines if hash is 0. Returns how many lines of that name there were, or
 * -1 and errno (ENOMEM).
 */
extern int users_edit(stralloc *out, char const *text, size_t len, char const *name, char const *hash);

/* Appends the file to text. Returns 0, or -1 and errno (EFBIG: larger than USERS_FILEMAX). */
extern int users_read(stralloc *text, char const *file);

/*
 * Edits the file in one step that a crash cannot tear, alone among those who use this function (a lock on
 * the new file). Makes the file and its folder (0700), which belong to uid and gid (-1: leave that be), and
 * the folders above (0755) where missing. An existing file keeps its owner and mode; a new one has 0600.
 * Returns what users_edit returns, or -1 and errno.
 */
extern int users_update(char const *file, char const *name, char const *hash, uid_t uid, gid_t gid);

#endif
