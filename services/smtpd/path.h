#ifndef SERVICES_SMTPD_PATH_H
#define SERVICES_SMTPD_PATH_H

#include <skalibs/stralloc.h>

/* The address in a MAIL or RCPT command, `<...>` and what follows it (RFC 5321, 4.1.2). */

#define PATH_MAX_ADDRESS 900 /* as qmail-smtpd */

typedef enum path_wrong_e
{
  PATH_OK,
  PATH_SYNTAX,
  PATH_LONG,
  PATH_ASCII, /* a non-ASCII address, and utf8 is 0 */
  PATH_UTF8,  /* it is not UTF-8 */
  PATH_MEMORY
} path_wrong;

/*
 * Reads the path at s, which begins behind `FROM:` or `TO:`. The address goes to sa, with a NUL that len
 * does not count, in qmail's form: source route dropped, quotes and backslashes taken away. utf8: bytes
 * above 127 may stand in it, as UTF-8. *rest is where the parameters begin, if it is PATH_OK.
 */
extern path_wrong path_scan(char const *s, int utf8, stralloc *sa, char const **rest);

/* An address literal, `[192.0.2.1]` or `[IPv6:2001:db8::1]`. Returns the length of its ip, 4 or 16; 0: it is none. */
extern size_t path_literal(char const *s, size_t len, char ip[16]);

/* Whether text, of len bytes, is well-formed UTF-8 without control characters. */
extern int path_utf8(char const *text, size_t len);

#endif
