#ifndef SERVICES_IMAP_DOVECOT_H
#define SERVICES_IMAP_DOVECOT_H

#include <stdint.h>

#include <skalibs/stralloc.h>

/* What a bundle wants of Dovecot, and Dovecot's configuration for it, in the words of 2.3 and of 2.4. Pure. */

#define DOVECOT_CERTIFICATES 2 /* Dovecot shows one of each kind of key */

typedef struct dovecot_s dovecot;
struct dovecot_s
{
  char const *directory; /* where its sockets are; mail.conf there has mail_uid and mail_gid */
  char const *mail;      /* the directory of the Maildirs, NAME/ each */
  char const *users;     /* the passwd-file: `name:hash`, and userdb_ fields behind the seventh colon */
  char const *auth_user; /* who may read it; 0: whoever runs Dovecot */
  char const *owner;     /* of the Maildirs; 0: likewise */
  int root;              /* it begins as root: Debian's users dovecot and dovenull serve the network */
  char const *imap;      /* addresses, as mailctl.conf has them; 0: none */
  char const *pop3;
  int lmtp;
  int sieve;
  uint64_t quota; /* bytes; 0: none */
  char const *include;
  unsigned int certificates; /* 0: no TLS */
  char const *certificate[DOVECOT_CERTIFICATES];
  char const *key[DOVECOT_CERTIFICATES];
};

/* Appends dovecot.conf. 0, or -1 and ENOMEM. */
extern int dovecot_2_3(stralloc *sa, dovecot const *d);
extern int dovecot_2_4(stralloc *sa, dovecot const *d);

#endif
