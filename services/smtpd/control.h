#ifndef SERVICES_SMTPD_CONTROL_H
#define SERVICES_SMTPD_CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include <skalibs/stralloc.h>

#include <runlib/intake.h>

/*
 * qmail's control files, read as qmail-smtpd reads them, from `control/` below the working directory:
 * one-line files lose blanks at their end, lists lose comments (#) and empty lines too.
 */

/* A file as it was when it was read; all zero: there was none. */
typedef struct stamp_s stamp;
struct stamp_s
{
  char const *name;
  dev_t dev;
  ino_t ino;
  off_t size;
  struct timespec written;
  struct timespec changed;
};
#define CONTROL_FILES 16

typedef struct control_s control;
struct control_s
{
  stralloc me; /* texts end with a NUL that len does not count; empty: no such file */
  stralloc greeting;
  stralloc localiphost;
  stralloc defaultdomain;
  stralloc rcpthosts; /* lists: entries that each end with a NUL; len counts all */
  stralloc badmailfrom;
  stralloc badrcptto;
  stralloc
      senders; /* lines of `name: address, @domain, ...`, and others that begin with a blank and go on with them */
  stralloc plugins;
  uint64_t databytes;   /* 0: no limit */
  unsigned int timeout; /* seconds */
  stamp stamps[CONTROL_FILES];
  unsigned int files;
  struct timespec read; /* when, by the clock of files */
};
#define CONTROL_ZERO                                                                                         \
  {                                                                                                          \
    .databytes = INTAKE_MESSAGE, .timeout = 1200                                                             \
  }

/*
 * Reads them all. plugins: the file with the plugins, 0: none is read. Returns 0; or -1 and errno, and *file
 * names the one that cannot be read. A missing file is no error, but `me` must be there (ENOENT).
 */
extern int control_load(control *c, char const *plugins, char const **file);
/* Whether reading them again, whether that failed or not, would give the same. */
extern int control_is_fresh(control const *c);
extern void control_free(control *c);

/* Appends the lines of a list, each with a NUL. Returns 1; 0, there is no such file; or -1 and errno. */
extern int control_list(stralloc *sa, char const *name);

/* Whether word, of len bytes, is an entry of list; ASCII letters compare without case. */
extern int control_has(stralloc const *list, char const *word, size_t len);
/* Whether address, or `@host` of it, is an entry of list. */
extern int control_has_address(stralloc const *list, char const *address);
/*
 * Who can get mail, where somebody wrote it down: control/validrcptto, a list of addresses and of `@domain`, and
 * control/validrcptto.cdb, whose keys are these in lower case. Returns 1; 0; or -1: there is neither file, or one cannot be read.
 */
typedef struct validrcptto_s validrcptto;
struct validrcptto_s
{
  stralloc list; /* of the text file, which is read once */
  int state;     /* 0: not read yet; 1: it was; 2: there is none; -1: it cannot be read */
};
extern int control_validrcptto(validrcptto *v, char const *address);

/*
 * Whether mail for address is accepted: its host, or a `.suffix` of it, is in rcpthosts or in
 * control/morercpthosts.cdb; without rcpthosts, its host is me. An address without a host is local.
 * Returns 1, 0, or -1 and errno.
 */
extern int control_accepts(control const *c, char const *address);

#endif
