#ifndef CTL_LIVE_RELOAD_H
#define CTL_LIVE_RELOAD_H

#include <skalibs/genalloc.h>
#include <skalibs/tai.h>

#include <services/contract/bundle.h>

/* HUP to services, and their answers, which those that tell (service_kind's reloads) write into their logs. */

typedef struct reloads_s reloads;
struct reloads_s
{
  genalloc asked; /* those whose answer is due */
};
#define RELOADS_ZERO                                                                                         \
  {                                                                                                          \
    .asked = GENALLOC_ZERO                                                                                   \
  }

/* Sends HUP to the service whose service directory is dir. name must live as long as r. Returns 0, or -1 and errno. */
extern int reload_send(reloads *r, bundle const *b, char const *name, char const *dir);

/*
 * Waits for the answers and tells them on stdout; for a service that kept its files of before, what it logged on stderr.
 * Returns 0, EXIT_NO if a service kept its files, EXIT_TIMEOUT if one did not answer. stamp: the stopwatch's time.
 */
extern int reload_wait(reloads *r, tain *stamp);

extern void reload_free(reloads *r);

#endif
