#ifndef CTL_COMMAND_USERLINE_H
#define CTL_COMMAND_USERLINE_H

#include <stdint.h>

#include <ctl/command/people.h>

/* What the command user does to a line of the file of users. */

typedef enum userline_what_e
{
  USERLINE_CLAIM, /* adds the name, with a hash (0: one that fits no password): the answer is 0 if it is there */
  USERLINE_QUOTA,   /* sets the quota; 0: none of his own */
  USERLINE_DISABLE, /* no password fits */
  USERLINE_ENABLE,  /* the old one does again: -1 and EPROTO, said, where there is none */
  USERLINE_REMOVE
} userline_what;

typedef struct userline_s userline;
struct userline_s
{
  char const *name;
  userline_what what;
  char const *hash;
  uint64_t quota; /* bytes, for CLAIM and QUOTA */
};

/* A linefile_edit whose data is a userline. Returns 1; 0: there is nothing to change; or -1 and errno. */
extern int userline_edit(stralloc *out, char const *text, size_t len, void *data);

/* The quota that a line's rest has (users_find), in bytes; 0: none. */
extern uint64_t userline_quota(char const *rest, size_t len);

/* Walks over the names of the file: moves *pos from 0 on. Returns 0 at the end. */
extern int userline_next(char const *text, size_t len, size_t *pos, char const **name, size_t *n);

#endif
