#ifndef SERVICES_AUTH_HASH_H
#define SERVICES_AUTH_HASH_H

#include <runlib/users.h>

#define HASH_MAX 384 /* bytes, with the NUL: libxcrypt's CRYPT_OUTPUT_SIZE */

/*
 * Whether password fits the hash that users_find found. Where it found none, or one that fits no password,
 * the work done is that of a real one, so that a stranger cannot tell by the time which names exist.
 * Returns 1, 0, or -1 and errno (EINVAL: no method of libcrypt reads this hash; ENOMEM).
 */
extern int hash_check(users_match const *m, char const *password);

/* Hashes password with libcrypt's own preference (yescrypt) and a random salt. 0, or -1 and errno. */
extern int hash_make(char hash[HASH_MAX], char const *password);

#endif
