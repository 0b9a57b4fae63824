#ifndef RUNLIB_WALK_H
#define RUNLIB_WALK_H

#include <sys/types.h>

/*
 * Paths through directories in which another user may write. Root follows no link that somebody else could have put
 * there, and uses no file that somebody else could have exchanged: every step goes by descriptor, from `/` on, and what
 * was opened is looked at before it is used.
 *
 * A directory is another's if neither root nor we own it, or if others may write to it. In it,
 *   - a link is followed only if it is root's and the directory is sticky;
 *   - a file must be the directory's owner's; or root's or ours, and have no second name, since anybody can give one
 *     to a file that is not his.
 * Who is not root has the ordinary rights and walks the ordinary way, with the same calls.
 *
 * All return -1 and errno where they fail, among these: ELOOP a link that is not followed, EPERM a file that somebody
 * may have exchanged, EINVAL neither a file nor a directory, EISDIR a directory. Descriptors are close-on-exec, and
 * never wait for a FIFO's other end.
 */

/* The directory that name (one word) is in dir, opened with O_PATH. */
extern int walk_enter(int dir, char const *name);
/* The directory that path is, to be read. Below dir, where path is relative; AT_FDCWD: the working directory. */
extern int walk_directory(int dir, char const *path);
/*
 * The directory that path is, opened with O_PATH: made with this mode where it is missing, and what lacks above it with
 * 0755. *made, if asked for: whether it was.
 */
extern int walk_make(char const *path, mode_t mode, int *made);
/* The directory that path's last word is in, opened with O_PATH; *last is that word, in path. */
extern int walk_parent(int dir, char const *path, char const **last);
/* The regular file that path is. flags and mode as open(2)'s. */
extern int walk_open(int dir, char const *path, int flags, mode_t mode);
/* Its first bytes, at most max. Returns how many; a file that has more is not told from one that ends there. */
extern ssize_t walk_read(int dir, char const *path, char *s, size_t max);
/* Removes the file, the link (never what it leads to), or the directory with all that is in it. 0, also if it is not there. */
extern int walk_remove(int dir, char const *path);

#endif
