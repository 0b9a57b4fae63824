#ifndef RUNLIB_FIELD_H
#define RUNLIB_FIELD_H

#include <stddef.h>
#include <stdint.h>

/*
 * Small text files of lines `NAME VALUE`: what daemons publish for people and programs alike. Reading
 * never fails: a line that means nothing to the reader is passed over.
 */

typedef struct field_s field;
struct field_s
{
  char const *name;
  size_t name_len;
  char const *value; /* after one blank; not NUL-terminated */
  size_t value_len;
};

/* The next line of the *len bytes at *s, moving both on. Empty lines are skipped. 0 at the end. */
extern int field_next(field *f, char const **s, size_t *len);
extern int field_is(field const *f, char const *name);
extern int field_says(field const *f, char const *value);
/* The number that the value begins with, up to a blank or its end; otherwise, or too large: 0. */
extern uint64_t field_number(field const *f);
/* Copies the value into s (max bytes and a NUL), cut between characters, and with `?` as of utf8_scan. */
extern void field_copy(field const *f, char *s, size_t max);
/* The same for any text: what goes into such a file must be one line. */
extern void field_clean(char *s, size_t max, char const *from, size_t len);

#endif
