#ifndef CTL_COMMAND_PEOPLE_H
#define CTL_COMMAND_PEOPLE_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include <runlib/linefile.h>
#include <runlib/mapping.h>

#include <ctl/command/command.h>
#include <ctl/machine/load.h>

/* What the commands user, alias and domain have in common. What goes wrong is said; functions return 0 or the exit status. */
typedef struct people_s people;
struct people_s
{
  context const *cx;
  char const *command; /* its name, before what is said */
  wanted w;
  mapping map;      /* as the files are now; without [spool], the domains alone */
  stralloc aliases; /* paths, NUL-terminated; empty: there is none */
  stralloc senders;
  stralloc users; /* empty as well where passwords are not mailctl's to set */
  stralloc mail;
};

/* Reads the configuration, and finds the files. */
extern int people_load(people *p, context const *cx, char const *name);
/* The same of a bundle that is known, and must outlive it. */
extern int people_of(people *p, context const *cx, wanted const *w, char const *name);
extern void people_free(people *p);
/* p->map is what the files say now. */
extern void people_reload(people *p);

/* Copies a mailbox's name in lower case, without its domain where that is ours. */
extern int people_name(people const *p, char const *given, char name[MAPPING_NAME_MAX + 1]);
/* Edits one of the files; *n, if asked for, is what the edit returned. */
extern int people_edit(people const *p, stralloc const *file, linefile_edit *edit, void *data, int *n);
/* Reads one of the files: empty where it is not there. */
extern int people_read(stralloc const *file, stralloc *text);

/*
 * Has spool-deliver(8) do something to the Maildir of name, as the user that it belongs to: `--make`, `--retire` or `--purge`. quota: of
 * --make, bytes (0: no limit); a null pointer: as it is.
 */
extern int people_maildir(people const *p, char const *option, char const *name, uint64_t const *quota);
/* Whether there is a Maildir of that name, as mapping_exists; data is a people. */
extern int people_exists(void *data, char const *name);

#endif
