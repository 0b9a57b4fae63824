#ifndef SERVICES_DKIM_CANON_H
#define SERVICES_DKIM_CANON_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

/*
 * The relaxed canonical form of messages (RFC 6376, 3.4.2 and 3.4.4), as remote(8) sends them: lines end in LF or CR LF
 * here and in CR LF there, and a CR that stands alone is a blank. Pure.
 */

/* A field of a header: where it begins, its name's length and its whole length, line ends within and at the end included. */
typedef struct field_s field;
struct field_s
{
  char const *s;
  size_t name;
  size_t len;
};

/*
 * Takes the next field from the header at *s, whose end is at end: *s moves behind it. Returns 1; 0 at the header's end, an
 * empty line or a line that is none of a header.
 */
extern int canon_field_next(char const **s, char const *end, field *f);
/* Appends the field in its canonical form, with its CR LF unless it is the last. Returns 0, or -1 and ENOMEM. */
extern int field_canon(stralloc *out, field const *f, int last);

/* A body, in pieces of any size: each call appends what is canonical of it. Each returns 0, or -1 and ENOMEM. */
typedef struct body_canon_s body_canon;
struct body_canon_s
{
  int any;           /* a line had content */
  int blank;         /* blanks wait for what follows them */
  int cr;            /* the last byte was a CR */
  uint64_t newlines; /* line ends wait for content */
};
#define BODY_CANON_ZERO                                                                                      \
  {                                                                                                          \
    .any = 0, .blank = 0, .cr = 0, .newlines = 0                                                             \
  }
extern int body_canon_put(body_canon *b, stralloc *out, char const *s, size_t n);
extern int body_canon_end(body_canon const *b, stralloc *out);

/*
 * The domain of the first address in a From field's value, in lower case, into domain (256 bytes). Returns 0, or -1: there
 * is none, or it is none that could have a key (letters, digits, `-` and dots).
 */
extern int from_domain(char const *value, size_t len, char domain[256]);

#endif
