#ifndef RUNLIB_LINEFILE_H
#define RUNLIB_LINEFILE_H

#include <stddef.h>
#include <sys/types.h>

#include <skalibs/stralloc.h>

/*
 * Plain files of lines that people edit, and so do we: the users, aliases, control files. An edit is one step that a crash
 * cannot tear, alone among those who use this function (a lock on the new file). Below another user's directories it
 * goes by runlib/walk.h.
 */
#define LINEFILE_MAX (16u << 20) /* bytes */

/* Appends to out what the text shall become. Returns 1; 0: it stays as it is; -1 and errno. */
typedef int linefile_edit(stralloc *out, char const *text, size_t len, void *data);

typedef struct linefile_s linefile;
struct linefile_s
{
  linefile_edit *edit;
  void *data;
  /*
   * Of a file that is made, as its directory (0700) is where it is missing; those above get 0755. An existing file keeps its
   * owner and mode. -1: leave that be.
   */
  uid_t uid;
  gid_t gid;
  mode_t mode;
};

/* Returns what edit returned, or -1 and errno. A file that is not there is empty text. */
extern int linefile_update(char const *file, linefile const *l);

/* Appends the file to text. Returns 0, or -1 and errno (EFBIG: larger than LINEFILE_MAX). */
extern int linefile_read(stralloc *text, char const *file);

#endif
