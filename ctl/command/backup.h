#ifndef CTL_COMMAND_BACKUP_H
#define CTL_COMMAND_BACKUP_H

#include <limits.h>
#include <sys/stat.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include <ctl/command/archive.h>
#include <ctl/machine/load.h>

/*
 * Where things lie in an archive: below one directory, as they do below that of mailctl.conf. What lies elsewhere gets a
 * place there, and mailctl.conf says so.
 */
typedef struct place_s place;
struct place_s
{
  char path[PATH_MAX]; /* absolute */
  char name[PATH_MAX]; /* in the archive; empty: it stays where it is (programs) */
};

typedef struct places_s places;
struct places_s
{
  genalloc list; /* of place */
  size_t base;   /* bytes of the directory of mailctl.conf, with its slash */
  unsigned int files;
};
#define PLACES_ZERO                                                                                          \
  {                                                                                                          \
    .list = GENALLOC_ZERO                                                                                    \
  }

/* Finds a place for all that the sections name. 0, or -1 and ENOMEM. */
extern int places_find(places *p, wanted const *w);
/* The name of path, which is one of the places or below one, or 0: it is not in the archive. */
extern char const *places_name(places const *p, char const *path, char name[PATH_MAX]);
/* Appends mailctl.conf, with the names in the place of the paths. 0, or -1 and ENOMEM. */
extern int places_conf(stralloc *sa, places const *p, wanted const *w);

typedef struct backup_link_s backup_link; /* a message in the spool may have two names */
struct backup_link_s
{
  ino_t inode;
  size_t name; /* in names */
};

typedef struct backup_s backup;
struct backup_s
{
  archive a;
  wanted w;
  places p;
  dev_t dev; /* of the archive itself */
  ino_t inode;
  int spool, mail;
  int in_spool;              /* whether a message may have two names */
  int in_tree;               /* of which nothing was there before */
  char spool_name[PATH_MAX]; /* of the spool in the archive; empty: there is none */
  genalloc links;            /* of backup_link */
  stralloc names;
  uid_t uid; /* the last that was looked up */
  char user[ARCHIVE_USER];
};

/* The file or directory that path is in dir, as name, and all that is below. 0; 1: it is not there; -1 and errno. */
extern int backup_file(backup *x, int dir, char const *path, char const *name);
extern int backup_directory(backup *x, int dir, char const *path, char const *name);
extern archive_member backup_member(backup *x, struct stat const *st, char const *name);
/* The names in dir, sorted downwards: in a Maildir, new comes before cur, where its messages go. 0, or -1 and errno. */
extern int backup_names(int dir, genalloc *list);
extern void backup_free_names(genalloc *list);

#endif
