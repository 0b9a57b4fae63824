#ifndef SERVICES_DKIM_KEYS_H
#define SERVICES_DKIM_KEYS_H

#include <openssl/evp.h>

/*
 * Keys: DIRECTORY/DOMAIN/SELECTOR.key signs, SELECTOR.retired does no more, but its record must stay in the DNS for what is
 * under way. Both are PEM, RSA or Ed25519.
 */
#define KEYS_MAX      4U /* that sign for a domain */
#define SELECTOR_SIZE 64U

typedef struct dkim_key_s dkim_key;
struct dkim_key_s
{
  EVP_PKEY *key;
  char selector[SELECTOR_SIZE];
  int retired;
};

/*
 * Reads the keys of a domain; retired: those as well. Returns how many, at most most; -1 and errno: ENOENT, the domain has
 * none; EPROTO, a file holds no such key; EACCES, others may read one.
 */
extern int keys_read(int directory, char const *domain, dkim_key *keys, unsigned int most, int retired);
extern void keys_free(dkim_key *keys, unsigned int n);
extern int key_is_ed25519(dkim_key const *k);

/* The commands: exit statuses, with their messages and output. */
extern int keys_new(char const *path, char const *domain);
extern int keys_list(char const *path, int records);
extern int keys_retire(char const *path, char const *domain, char const *selector);

#endif
