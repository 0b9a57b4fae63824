#ifndef RUNLIB_MAILDIRSIZE_H
#define RUNLIB_MAILDIRSIZE_H

#include <stdint.h>

/*
 * The quota of a Maildir: its file `maildirsize`, by the Maildir++ convention that Dovecot (driver maildir), Courier and vpopmail
 * share. The first line has the limits, `1000000S,500C`, each that follows adds `BYTES COUNT`.
 */
#define MAILDIRSIZE_MAX 5120 /* bytes: a longer file is made anew */

typedef struct maildirsize_s maildirsize;
struct maildirsize_s
{
  uint64_t limit; /* bytes; 0: none */
  uint64_t bytes; /* of all messages */
  uint64_t count;
  int64_t written; /* the file's time, seconds since 1970 */
  int old;         /* it is too long, or makes no sense: count anew */
};

/* maildir is the Maildir's directory. Each returns -1 and errno where it fails. */

/* Reads the file. Returns 1, or 0: there is none. */
extern int maildirsize_read(int maildir, maildirsize *z);
/* Looks at all messages, those in subdirectories (.NAME) too, and sets bytes and count. */
extern int maildirsize_count(int maildir, maildirsize *z);
/* Writes the file anew, in one step. */
extern int maildirsize_write(int maildir, maildirsize const *z);
/* One message more. Where there is no file nothing is written. */
extern int maildirsize_add(int maildir, uint64_t bytes);

#endif
