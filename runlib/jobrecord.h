#ifndef RUNLIB_JOBRECORD_H
#define RUNLIB_JOBRECORD_H

#include <stdint.h>

/*
 * STATE/jobs/NAME/last: what became of a job's last run. Its service (program `job`) keeps it; `mailctl status`, `run-job`
 * and `maintenance` read it. Lines of field.h: `started MS`, `running 1`, `seconds N`, `result WORDS`, `failing MS`,
 * `next SECONDS`; what does not apply is left out.
 */

#define JOBRECORD_RESULT 32

typedef struct jobrecord_s jobrecord;
struct jobrecord_s
{
  uint64_t started; /* when the last run began, milliseconds since 1970; 0: there was none */
  uint64_t seconds; /* how long it took */
  uint64_t next;    /* when it runs next, seconds since 1970, but for jitter; 0: unknown */
  uint64_t failing; /* when postmaster was told that it fails, milliseconds since 1970; 0: it is well */
  int running;
  char result
      [JOBRECORD_RESULT]; /* `exit 0`, `signal 9`, `timed out`, `stopped`, `interrupted`; empty: none yet */
};

/* Reads directory/last, following no link that another user made. 0, or -1 and errno (ENOENT: it never began). */
extern int jobrecord_read(jobrecord *r, char const *directory);
/* Writes it, mode 0644, in one step. 0, or -1 and errno. */
extern int jobrecord_write(jobrecord const *r, char const *directory);

#endif
