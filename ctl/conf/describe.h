#ifndef CTL_CONF_DESCRIBE_H
#define CTL_CONF_DESCRIBE_H

#include <skalibs/stralloc.h>

#include <services/contract/key.h>

/*
 * The key tables in words: for the comments of the file that init writes, for the manual page, and for
 * the parser's messages. All append to sa; 0, or -1 and errno (ENOMEM).
 */

/* A number as the file would say it, in the largest unit that keeps it whole. */
extern int describe_number(stralloc *sa, key const *k, uint64_t n);

/* What a value may be, where help does not say so: "1 to 1000", "yes or no", "offer, off or require". Or nothing. */
extern int describe_values(stralloc *sa, key const *k);

/*
 * A section of a new mailctl.conf. Every key stands there, with its help: as the line of set (lines of
 * `key = value`) that sets it, else as a comment that shows its default. set 0: all is comment, the header too.
 * user: what the key `user` is set to, or shows in a comment; 0: as the other keys.
 */
extern int describe_section(stralloc *sa, section_kind const *kind, char const *set, char const *user);

/* What a section sets, instead of its kind's init. */
typedef struct described_s described;
struct described_s
{
  char const *section; /* its name; 0: the end of a list */
  char const *set;     /* as above */
};

typedef enum described_users_e
{
  DESCRIBED_OURSELVES, /* no section has a user */
  DESCRIBED_ONE,       /* root's: [bundle] has one for all, but for what only root can do */
  DESCRIBED_OWN        /* root's: each service that has a system user runs as that one */
} described_users;

/* A whole mailctl.conf: every section, as its kind's init asks for, or one of these. */
extern int describe_conf(stralloc *sa, described const *others, described_users users);

/* Every section and key for mailctl.conf(5), in mdoc. */
extern int describe_manual(stralloc *sa);

#endif
