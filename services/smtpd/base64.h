#ifndef SERVICES_SMTPD_BASE64_H
#define SERVICES_SMTPD_BASE64_H

#include <stddef.h>

/*
 * Decodes len characters of base64 (RFC 4648, strict: padding needed, no blanks, unused bits zero) into
 * out, which has room for len bytes. Returns 0 and *n, or -1 (EINVAL).
 */
extern int base64_decode(char const *s, size_t len, char *out, size_t *n);

#endif
