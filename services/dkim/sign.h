#ifndef SERVICES_DKIM_SIGN_H
#define SERVICES_DKIM_SIGN_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "keys.h"

/* DKIM-Signature fields (RFC 6376; RFC 8301 for RSA, RFC 8463 for Ed25519). */

#define SIGN_HEADER_MAX 262144U /* bytes of a message's header */

/*
 * Reads the header of the message of len bytes in fd, up to its empty line, into header. Returns 0, or -1 and errno (EMSGSIZE: it
 * is longer than SIGN_HEADER_MAX).
 */
extern int sign_read_header(int fd, uint64_t len, stralloc *header);
/* The domain that signs: that of the first From field. Returns 0, or -1. */
extern int sign_domain(stralloc const *header, char domain[256]);
/* Appends a field for each key, each with its line end, LF. seconds: since 1970. Returns 0, or -1 and errno. */
extern int sign_message(int fd, uint64_t len, stralloc const *header, char const *domain,
                        dkim_key const *keys, unsigned int n, uint64_t seconds, stralloc *out);

#endif
