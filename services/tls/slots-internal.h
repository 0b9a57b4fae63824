#ifndef TLS_PLACES_INTERNAL_H
#define TLS_PLACES_INTERNAL_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Who has a session, in memory that tlsd's processes share: a worker takes a place before it talks to its
 * client, its pool frees the place when the worker has ended, however that came about. No lock: a worker
 * may be killed at any instant.
 */

#define PLACES_MAX 10000

typedef struct slot_s place;
struct slot_s
{
  _Atomic pid_t pid; /* 0: free */
  _Atomic uint64_t key[2];
};

typedef enum slot_answer_e
{
  SLOT_TAKEN,
  SLOT_FULL,  /* all are taken */
  SLOT_CLIENT /* this client has as many as it may */
} slot_answer;

/* Takes one of the first n places for pid, of which key's client may have per_client. */
extern slot_answer slot_take(place *list, unsigned int n, pid_t pid, unsigned char const key[16],
                             unsigned int per_client);
/* Frees pid's place. Returns 1, or 0 if it had none. */
extern int slot_free(place *list, pid_t pid);
/* How many of the first n are taken. */
extern unsigned int place_count(place const *list, unsigned int n);

#endif
