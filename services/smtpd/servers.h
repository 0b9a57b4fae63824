#ifndef SERVICES_SMTPD_SERVERS_H
#define SERVICES_SMTPD_SERVERS_H

#include <stddef.h>

/* The words of a key that names a server: `ADDRESS WORD...`. Pure. */

#define SERVER_ADDRESS 108 /* bytes, with its NUL */

/* The next word, and *text moves behind it. Returns its length; 0: there is none. */
extern size_t server_word(char const **text, char const **word);
extern int server_is(char const *word, size_t n, char const *what);
/* unix:/PATH or inet:ADDRESS:PORT. Returns 0, or what is wrong (static). */
extern char const *server_address(char const *word, size_t n, char to[SERVER_ADDRESS]);
/* `10s`, `10`, `500ms` or `5m`, from 1 ms to `most` ms. Returns 1; 0: it is none. */
extern int server_time(char const *word, size_t n, unsigned int most, unsigned int *ms);

#endif
