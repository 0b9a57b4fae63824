#ifndef SERVICES_REMOTE_BODY_H
#define SERVICES_REMOTE_BODY_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

/*
 * A message as it goes over the wire (RFC 5321, 4.5.2): lines end in CR LF, a dot at a line's beginning is doubled. A CR
 * that no LF follows, which a server could take for a line end, becomes a blank. Pieces of any size; pure.
 */
typedef struct body_s body;
struct body_s
{
  int within; /* a line has begun */
  int cr;     /* the last byte was a CR, which is not written yet */
};
#define BODY_ZERO                                                                                            \
  {                                                                                                          \
    .within = 0, .cr = 0                                                                                     \
  }

/* Each returns 0, or -1 and ENOMEM. */
extern int body_put(body *b, stralloc *out, char const *s, size_t n);
/* The end of the last line, and the line with the dot. */
extern int body_end(body *b, stralloc *out);

/*
 * Appends an address as a command has it, in `<>`: the local part quoted where it must be (RFC 5321, 4.1.2). Returns 0;
 * or -1 and errno: EINVAL, no command can carry it (a control character, a blank or `<>` in the host), ENOMEM.
 */
extern int path_put(stralloc *out, char const *address);
/* Whether a byte is above 127. */
extern int eight_bit(char const *s, size_t n);

#endif
