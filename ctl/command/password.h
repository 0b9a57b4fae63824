#ifndef CTL_COMMAND_PASSWORD_H
#define CTL_COMMAND_PASSWORD_H

#include <stddef.h>

/*
 * What mailctl needs to give a user a password. The hashing is checkpassword-file's: mailctl starts in a
 * millisecond because it does not link libcrypt.
 */

/*
 * Reads the password that name shall have: twice, without echo, where the input is a terminal; else its first line. What is
 * wrong with it is said in the name of this command. s: USERS_PAIRMAX + 2 bytes, to be wiped. Returns 0, or the exit status
 * to end with.
 */
extern int passwd_read(char const *command, char const *name, char *s, size_t size);

#define PASSWD_GENERATED 20 /* characters of a generated password: 100 bits */

/* Makes a random password of letters and digits that cannot be mistaken for each other. 0, or -1 and errno. */
extern int passwd_generate(char s[PASSWD_GENERATED + 1]);

/*
 * Sets name's password in file: runs `program --set [-u owner] file name` (program is the path of
 * checkpassword-file) and hands it the password through a pipe. It makes the file and its directory where
 * missing, for owner, a user of this machine; owner 0: for whoever runs this.
 * Returns the program's exit code: 0 done; 100 or 111, and it has said why on stderr. -1 and errno: it did
 * not run or was killed (EINTR).
 */
extern int passwd_set(char const *program, char const *file, char const *owner, char const *name,
                      char const *password);

#endif
