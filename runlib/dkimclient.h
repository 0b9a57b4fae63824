#ifndef RUNLIB_DKIMCLIENT_H
#define RUNLIB_DKIMCLIENT_H

#include <stdint.h>

#include <skalibs/stralloc.h>

/*
 * Asks dkim(8) for a message's signatures. The request is the message's length, eight bytes, the highest first, with its
 * descriptor; the answer `K` and the header fields, lines that end in LF, or `Z` and a reason.
 */
#define DKIM_SECONDS    60U
#define DKIM_ANSWER_MAX 16384U

/*
 * Returns 0, and answer has the fields, none where nobody's key is for the message's domain; or -1 and errno: EPROTO, answer has
 * the reason, with a NUL; else the signer is away, or takes too long.
 */
extern int dkim_ask(char const *socket, int fd, uint64_t len, stralloc *answer);

#endif
