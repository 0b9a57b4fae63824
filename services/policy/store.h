#ifndef SERVICES_POLICY_STORE_H
#define SERVICES_POLICY_STORE_H

#include <stddef.h>
#include <stdint.h>

/*
 * What must last: small records below short keys, in LMDB. The changes of one turn of the loop are committed
 * together, which a killed process cannot tear; the disk is told once a minute. A store that is damaged is
 * set aside, and begun anew.
 */

#define STORE_KEY_MAX 32

typedef struct store_s store;

/* A record: seconds since 1970, and a count. */
typedef struct store_value_s store_value;
struct store_value_s
{
  uint32_t first, last, count;
};

/*
 * dir: its directory, which exists. entries: how many it may have. aside: room for the reason (words) why the
 * old one was set aside; empty, it was not. Returns 0, or -1 with *failed (what could not be done) and errno.
 */
extern int store_open(store **s, char const *dir, uint64_t entries, char *aside, size_t size,
                      char const **failed);
extern void store_close(store *s);
/* Returns 1; 0: there is none; -1: it cannot be read. */
extern int store_get(store *s, void const *key, size_t len, store_value *v);
/* Returns 0, or -1: no room, or the disk is full; said once. */
extern int store_put(store *s, void const *key, size_t len, store_value const *v);
extern int store_del(store *s, void const *key, size_t len);
/* The end of a turn. sync: also to the disk. */
extern void store_commit(store *s, int sync);
/* Looks at up to n records, from where the last call ended, and removes those for which old says so. */
extern void store_sweep(store *s, unsigned int n,
                        int (*old)(void *data, unsigned char const *key, store_value const *v), void *data);
/* Calls each with all records whose key begins with first, until it returns nonzero. */
extern void store_walk(store *s, unsigned char first,
                       int (*each)(void *data, unsigned char const *key, size_t len, store_value const *v),
                       void *data);
extern uint64_t store_entries(store *s);
extern unsigned char const *store_secret(store const *s); /* 16 bytes, as old as the store */

#endif
