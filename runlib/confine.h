#ifndef RUNLIB_CONFINE_H
#define RUNLIB_CONFINE_H

#include <linux/filter.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What a process gives up before it reads a stranger's bytes, for good, with its children, and without being root:
 * confine_self first, then paths (Landlock), then calls (a seccomp filter). What all processes of a kind share is made
 * once, in the parent. Each returns 0, or -1 and errno. Under a sanitizer or valgrind, which need calls and files of
 * their own, nothing but confine_self has an effect.
 */

/* No new privileges, no core, no tracing by others of the same user. */
extern int confine_self(void);

/* The most that it may have: bytes of data, descriptors; and, unless spawns, no process more of its user by it. */
extern int confine_resources(unsigned long bytes, unsigned int files, int spawns);

/* No file becomes longer by it: writing fails with EFBIG. */
extern int confine_growth(uint64_t bytes);

/* --- paths --------------------------------------------------------------------------------------- */

/* What may be done below a path, or with the one file that it is. */
#define CONFINE_READ   1U  /* open files to read */
#define CONFINE_WRITE  2U  /* open files to write, without truncating them */
#define CONFINE_LIST   4U  /* open directories to read */
#define CONFINE_MAKE   8U  /* make regular files */
#define CONFINE_REMOVE 16U /* remove files, or move them away */
#define CONFINE_MOVE                                                                                         \
  32U /* move files from here to another path that has this, too, and no right that this has not */
#define CONFINE_EXECUTE 64U

/*
 * A set of paths, as a descriptor (close-on-exec). Beside the paths that are added, nothing can be opened, made, moved
 * or removed; what is open already stays so. Signals reach nobody outside, nor do connections to abstract sockets
 * (Linux 6.12). -1 and EOPNOTSUPP: this kernel has no Landlock.
 */
extern int confine_paths(void);
/* Adds one, which must exist (ENOENT); a link is followed. */
extern int confine_paths_add(int set, char const *path, unsigned int may);
/* The same for one that is open, with O_PATH. */
extern int confine_paths_allow(int set, int fd, unsigned int may);
extern int confine_paths_enter(int set);

/* --- system calls -------------------------------------------------------------------------------- */

/*
 * Groups of calls beside those that every process keeps: reading and writing what is open, waiting, memory that is not
 * executable, time, handlers of signals, ending. What is left out fails with EPERM: fork and exec among them, whatever
 * sends a signal, also by a descriptor (F_SETOWN), makes a socket linger, changes who one is, or traces.
 */
#define CONFINE_FILES   1U  /* open, look at, move, remove and sync files: which, is the paths' matter */
#define CONFINE_ENTRIES 2U  /* list directories */
#define CONFINE_UNIX    4U  /* make and connect unix sockets, netlink's for the addresses of this machine */
#define CONFINE_INET    8U  /* make and connect sockets of the internet */
#define CONFINE_SERVE   16U /* bind, listen, accept */
#define CONFINE_ACCEPT  32U /* accept at sockets that listen already */
#define CONFINE_PAIR    64U /* make pairs of unix sockets */

#define CONFINE_CODE 128

typedef struct confine_calls_s confine_calls;
struct confine_calls_s
{
  unsigned short n; /* 0: this machine's numbers of the calls are not known, and nothing is held */
  struct sock_filter code[CONFINE_CODE];
};

extern void confine_calls_make(confine_calls *c, unsigned int groups);
extern int confine_calls_enter(confine_calls const *c);

#endif
