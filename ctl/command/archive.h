#ifndef CTL_COMMAND_ARCHIVE_H
#define CTL_COMMAND_ARCHIVE_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include <skalibs/stralloc.h>

/*
 * The archive of `mailctl backup`: a tar file (POSIX.1-2001, ustar with `x` headers for long names), whose owners are
 * names, and whose last member, MANIFEST, has a line for each of the others, in order:
 *
 *   SHA256 MODE USER SIZE NAME      of a file; `-` instead of the hash: a directory, or `=TARGET`: a second name of it
 *
 * tar(1) lists and unpacks it.
 */

#define ARCHIVE_USER 32

typedef enum archive_type_e
{
  ARCHIVE_FILE = '0',
  ARCHIVE_NAME = '1', /* another name of the file that `target` is */
  ARCHIVE_DIRECTORY = '5'
} archive_type;

typedef struct archive_member_s archive_member;
struct archive_member_s
{
  archive_type type;
  mode_t mode;
  time_t mtime;
  uint64_t size;
  char user[ARCHIVE_USER];
  char name[PATH_MAX]; /* relative */
  char target[PATH_MAX];
};

typedef struct archive_s archive;
struct archive_s
{
  int fd;
  stralloc manifest; /* of what was written or read so far */
};
#define ARCHIVE_ZERO                                                                                         \
  {                                                                                                          \
    .fd = -1, .manifest = STRALLOC_ZERO                                                                      \
  }

/* All return 0, or -1 and errno, if nothing else is said. fd is seekable. */
extern int archive_put(archive *a, archive_member const *m); /* a directory or a name */
/*
 * m->size bytes of from. Where the file changes meanwhile, as by its first two pages a database tells, it is read again.
 * Returns 1 where it did so each time: what is written may be a mixture.
 */
extern int archive_put_file(archive *a, archive_member const *m, int from);
extern int archive_put_bytes(archive *a, archive_member const *m, char const *s);
/* The manifest, and the end, synced. */
extern int archive_end(archive *a);

/*
 * The next member. Returns 1; 0: that was all, and all that the manifest has was there, unchanged; or -1 and errno (EPROTO:
 * this is no such archive, or something is missing or changed).
 */
extern int archive_next(archive *a, archive_member *m);
/* The file's bytes, to be called behind archive_next for each file. */
extern int archive_get(archive *a, archive_member const *m, int to);
extern void archive_close(archive *a);

#endif
