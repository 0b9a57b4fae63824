#ifndef CTL_COMMAND_USER_H
#define CTL_COMMAND_USER_H

#include <stdint.h>

#include <ctl/command/people.h>

/* The command user is two files: user.c changes one, userimport.c many. */

/*
 * A new user: his line with this hash (0: a password is set later), his Maildir. Returns 0; EXIT_NO, which is not said: there is
 * one; or the exit status.
 */
extern int user_make(people const *p, char const *name, char const *hash, uint64_t quota);

/* `user import FORMAT FILE` */
extern int user_import(people *p, char const *format, char const *file);

/* Sets the password of a name in the file of users, by checkpassword-file. Returns 0 or the exit status. */
extern int user_password(people const *p, char const *name, char const *password);

#endif
