#ifndef RUNLIB_OVERLOAD_FLAG_H
#define RUNLIB_OVERLOAD_FLAG_H

#include <stddef.h>
#include <stdint.h>

#include "gauge.h"

/*
 * The writer of the overload flag (its reader: runlib/overload.h). The flag's file is made when the
 * monitor starts, waits beside its place as `.flag`, and is moved there: a full file system, which may
 * be the very reason for the alarm, cannot keep the flag from being raised.
 */

#define FLAG_TEXT 1024 /* the size of every flag written here, padded with newlines */

typedef struct flag_facts_s flag_fields;
struct flag_facts_s
{
  unsigned int level; /* 1 or 2 */
  int held;           /* 1: by a person's command; it has no heartbeat */
  uint64_t lifetime;  /* seconds, of a flag that is not held */
  uint64_t since;     /* wall clock, seconds */
  uint64_t until;     /* end of the hold; 0: none */
  char const *reason; /* one line */
  sample const *x;    /* 0: no numbers */
  unsigned int asked; /* which of them: bits 1 << gauge */
};

/* Fills s (FLAG_TEXT bytes) to the last byte. */
extern void flag_text(char *s, flag_fields const *f);

/* Makes the file that flag_raise will need. Returns 0, or -1 and errno. */
extern int flag_prepare(char const *directory);
/*
 * Raises the flag, or refreshes it in place, which is its heartbeat. The caller has seen that there is
 * none that a person made; one that appears meanwhile is left alone. Returns 0, or -1 and errno.
 */
extern int flag_raise(char const *directory, flag_fields const *f);
/* Takes the flag away, whoever made it. Returns 0, also if there is none; or -1 and errno. */
extern int flag_drop(char const *directory);

#endif
