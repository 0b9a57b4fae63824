#ifndef RUNLIB_MAPPING_H
#define RUNLIB_MAPPING_H

#include <stddef.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

/*
 * From a recipient's address to what it is delivered to: Maildirs below the mail directory, and where an alias leads there, addresses at
 * other hosts and programs.
 * Pure: the files' contents and what directories exist are given. spool-deliver(8) has the rules for people.
 */
#define MAPPING_FOLDERS  64       /* directories that one address may lead to */
#define MAPPING_DEPTH    16       /* aliases of aliases */
#define MAPPING_STEPS    1000     /* names looked at for one address */
#define MAPPING_NAME_MAX 200      /* bytes of a directory's name */
#define MAPPING_FILE_MAX 1048576U /* bytes of the alias file and of each control file */

typedef struct alias_s alias;
struct alias_s
{
  size_t name;    /* in text */
  size_t targets; /* in text: NUL-terminated words, ended by an empty one */
};

typedef struct mapping_s mapping;
struct mapping_s
{
  stralloc text;
  genalloc aliases;     /* of alias, sorted by name */
  genalloc domains;     /* of size_t, places in text; `.example.org` stands for all below it */
  char const *catchall; /* the name that takes what nobody else does; 0: none. Not owned */
  int foreign;          /* aliases may lead to other hosts */
  int programs;         /* aliases may run programs */
};
#define MAPPING_ZERO                                                                                         \
  {                                                                                                          \
    .text = STRALLOC_ZERO, .aliases = GENALLOC_ZERO, .domains = GENALLOC_ZERO                                \
  }

extern void mapping_free(mapping *m);
/* Adds the lines of a control file (locals, rcpthosts, me). Returns 0, or -1 and errno ENOMEM. */
extern int mapping_add_domains(mapping *m, char const *s, size_t len);
/* Reads the alias file. Returns 0, or -1 and errno: ENOMEM, or EPROTO with *line and *wrong (static) set. */
extern int mapping_set_aliases(mapping *m, char const *s, size_t len, unsigned int *line, char const **wrong);

/* Whether domain, in lower case, is one whose mail is delivered here. */
extern int mapping_local(mapping const *m, char const *domain);

/* The targets of an alias, as in alias_s; 0: there is no such alias. name is in lower case. */
extern char const *mapping_alias(mapping const *m, char const *name);

/* Whether name may be a directory's: it never leaves the mail directory and never is a hidden one. */
extern int mapping_name_ok(char const *name, size_t len);

/* Tells 1 if there is a directory `name`, 0 if there is not, -1 and errno if it cannot tell. */
typedef int mapping_exists(void *data, char const *name);

/*
 * Appends the targets of address to directories, NUL after each, none twice: the name of a Maildir; one with an `@` is an address at
 * another host, one that begins with `|` a program. Returns their number (1 or more);
 * 0 when there is no such recipient, with the reason appended to why (one line, no newline, no NUL);
 * -1 and errno when it cannot tell now.
 */
extern int mapping_find(mapping const *m, char const *address, size_t len, mapping_exists *exists, void *data,
                        stralloc *directories, stralloc *why);

#endif
