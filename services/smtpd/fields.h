#ifndef SERVICES_SMTPD_FIELDS_H
#define SERVICES_SMTPD_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

/*
 * The header of a message, as milters see and change it. Pure. Its fields stand in one text, each with its newline;
 * one of them, our own Received, is ours: milters do not see it, but their indices count it, as Sendmail's do.
 */

#define FIELDS_MAX (256u << 10) /* bytes of a header */
#define FIELD_NAME 256u         /* bytes of a name that a milter gives */

typedef struct fields_s fields;
struct fields_s
{
  stralloc text; /* while it comes: what follows `end` is a line that is no field, and begins the body */
  size_t end;
  size_t line; /* while it comes: where the last line begins */
  size_t own;  /* where our own field begins */
  int over;    /* all of it has come */
  int blank;   /* an empty line ended it */
};
#define FIELDS_ZERO                                                                                          \
  {                                                                                                          \
    .text = STRALLOC_ZERO, .end = 0, .line = 0, .own = 0, .over = 0, .blank = 0                              \
  }

extern void fields_free(fields *f);
extern void fields_clear(fields *f);
extern int fields_copy(fields *to, fields const *from);

/*
 * Takes bytes of the message, of which the header is the beginning. *used: how many are the header's, or are kept in
 * text behind `end`. Returns 0; 1: it is longer than FIELDS_MAX; or -1 for ENOMEM.
 */
extern int fields_feed(fields *f, char const *s, size_t len, size_t *used);

typedef struct one_field_s one_field;
struct one_field_s
{
  char const *name;
  size_t name_len;
  char const *value; /* behind the colon, without the last newline */
  size_t value_len;
};
/* The next one but our own; *at is 0 at first. Returns 0 at the end. */
extern int fields_next(fields const *f, size_t *at, one_field *x);

/*
 * What a milter may do. index of the first: 0, before our own field; counting that one, too. Of the second: the
 * index-th field of that name, from 1; one that is not there is added; an empty value deletes. spaced: the value has
 * its own blank behind the colon. Each returns 0; 1: the name is none, or the header would be too long; -1: ENOMEM.
 */
extern int fields_insert(fields *f, uint32_t index, char const *name, char const *value, int spaced);
extern int fields_change(fields *f, uint32_t index, char const *name, char const *value, int spaced);
extern int fields_add(fields *f, char const *name, char const *value, int spaced);

#endif
