#ifndef CTL_MACHINE_RECORDS_H
#define CTL_MACHINE_RECORDS_H

#include <skalibs/genalloc.h>

#include <services/contract/service.h>

/* What the world's DNS is to say of the bundle: by its configuration, its keys, and this machine's addresses. */

typedef struct dnsrecord_s dnsrecord;
struct dnsrecord_s
{
  char *name;       /* with a dot at its end */
  char const *type; /* static */
  char *
      data; /* as in a zone file, a TXT record's text without quotes; `*`: any, because it is not known here */
  char const *why; /* what happens without it, or with another; static */
  int optional;    /* it may be left out */
};

/*
 * Fills list. notes: what a person must know beside them, lines of a zone file that begin with `; `. Starts openssl and
 * dkim where there is a certificate or a key. Returns 0, or -1 and errno.
 */
extern int records_gather(genalloc *list, stralloc *notes, bundle const *b);
extern void records_free(genalloc *list);

/* Appends a record for keys: name and data are copied. records.c and recordkeys.c. 0, or -1 and ENOMEM. */
extern int records_add(genalloc *list, char const *name, char const *type, char const *data, char const *why,
                       int optional);
/* The records of [dkim]'s keys, and of [tls]'s certificate at host's port, if there are any. 0, or -1 and errno. */
extern int records_add_dkim(genalloc *list, stralloc *notes, bundle const *b);
extern int records_add_tlsa(genalloc *list, stralloc *notes, bundle const *b, char const *host);

#endif
