#ifndef RUNLIB_DEATHS_H
#define RUNLIB_DEATHS_H

#include <stdint.h>

#include <skalibs/tai.h>

/*
 * RUN/deaths/NAME: the deaths of a service that nobody commanded, since mailctl last started it. The
 * service's finish script keeps it (program `finished`); up and restart remove it. Text, a line each:
 *
 *   STATE CONSECUTIVE            STATE: `-`, `retrying` or `failed`
 *   @TAI64N EXIT SIGNAL LIVED    oldest first, the last DEATHS_MAX; EXIT 256 if killed; LIVED in milliseconds
 */

#define DEATHS_MAX 16

#define DEATHS_SHORT     60000 /* ms: a life shorter than this makes the next pause longer */
#define DEATHS_RETRYING  5     /* so many short lives in a row, and the service is FAILED (retrying) */
#define DEATHS_PAUSE_MAX 60000 /* ms between two attempts at the most: a mail server does not give up */
#define DEATHS_NEVER     100 /* the exit code of a program that can never run (bad usage or configuration) */

typedef enum deaths_state_e
{
  DEATHS_NONE,
  DEATHS_TRYING, /* five short lives in a row */
  DEATHS_FAILED  /* exit DEATHS_NEVER: it stays down */
} deaths_state;

typedef struct death_s death;
struct death_s
{
  tain when; /* wall clock */
  unsigned int exit;
  unsigned int signal;
  uint64_t lived; /* ms */
};

typedef struct deaths_s deaths;
struct deaths_s
{
  deaths_state state;
  unsigned int consecutive; /* short lives in a row */
  unsigned int n;
  death list[DEATHS_MAX];
};
#define DEATHS_ZERO                                                                                          \
  {                                                                                                          \
    .state = DEATHS_NONE, .consecutive = 0, .n = 0                                                           \
  }

/* Adds one, and returns how long to wait before the next attempt, in ms: 0 at first, then 1 s, doubled each time. */
extern unsigned int deaths_add(deaths *d, death const *one);
/* Reads file. 0; -1 and errno (ENOENT: none since it was started; EINVAL: damaged). */
extern int deaths_read(deaths *d, char const *file);
/* Writes it, mode 0644, in one step. */
extern int deaths_write(deaths const *d, char const *file);

#endif
