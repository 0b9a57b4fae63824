#ifndef SERVICES_REMOTE_TLS_H
#define SERVICES_REMOTE_TLS_H

#include <skalibs/stralloc.h>

#include <services/remote/conn.h>
#include <services/remote/mx.h>
#include <services/remote/settings.h>

/* Whether and how a server's certificate counts, apart from the level. */
typedef enum dane_e
{
  DANE_NONE,
  DANE_BROKEN, /* the DNS could not tell: nobody may be trusted (RFC 7672, 2.1.2) */
  DANE_UNUSABLE /* there are records, but of no kind for mail: TLS with any certificate (RFC 7672, 2.2) */,
  DANE_USABLE
} dane;

/* What the DNS says about the certificate of t's host. */
extern dane dane_of(target const *t);

/* What every delivery needs of OpenSSL, for a process that is then forked for each. Returns 0, or -1. */
extern int tls_warm(void);
/* Reads the certificates of authorities, before the process is confined. Returns 0, or -1: OpenSSL has the reason. */
extern int tls_init(char const *cafile);
/*
 * Shakes hands with t's host, and checks its certificate by DANE where that is usable, else as level says. Appends to facts
 * the version, the cipher and whether it was verified. Returns 0, or -1 with a reason in *why (until the next call).
 */
extern int tls_open(conn *c, target const *t, tls_level level, unsigned int seconds, stralloc *facts,
                    char const **why);

#endif
