#ifndef RUNLIB_ENVELOPE_H
#define RUNLIB_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

/*
 * One message in the spool is one regular file, so that one rename makes it appear whole:
 *
 *   the message   as it came, with spool-queue's Received line before it
 *   the envelope  `F sender NUL (MARK recipient NUL)* NUL`, as qmail-queue(8) reads it
 *   the trailer   `spool1 ` the message's length in 20 decimal digits, newline
 *
 * spool(5) tells people the same. A MARK is spool-deliver's note about that recipient, changed in place:
 */
#define ENVELOPE_TODO   'T' /* not tried */
#define ENVELOPE_BEGUN  'S' /* tried: its file may be in the Maildir already */
#define ENVELOPE_DONE   'D' /* safely in its Maildir, or taken by the recipient's server */
#define ENVELOPE_REMOTE 'O' /* goes out: spool-send's */
#define ENVELOPE_FAILED 'B' /* cannot go out: the sender is told */

#define ENVELOPE_MAX         1048576U /* bytes of an envelope */
#define ENVELOPE_ADDRESS_MAX 1002U    /* bytes of an address: qmail-queue's limit */
#define ENVELOPE_TRAILER     28U

/* Reads an envelope in pieces of any size. */
typedef struct envelope_scan_s envelope_scan;
struct envelope_scan_s
{
  char const *marks; /* the marks that may be there */
  size_t len;        /* bytes read so far */
  size_t recipients;
  unsigned int address; /* bytes of the address at hand */
  unsigned int state;
};
#define ENVELOPE_SCAN_ZERO                                                                                   \
  {                                                                                                          \
    .marks = "T", .len = 0, .recipients = 0, .address = 0, .state = 0                                        \
  }

/*
 * Returns 1 once the envelope is complete (*used bytes of s belong to it), 0 if it goes on (all were used),
 * -1 and errno: EPROTO not an envelope, ENAMETOOLONG an address too long, EMSGSIZE all of it too long.
 */
extern int envelope_feed(envelope_scan *e, char const *s, size_t n, size_t *used);

/* A recipient of a complete envelope: address is NUL-terminated, mark is where its mark is. */
typedef struct recipient_s recipient;
struct recipient_s
{
  size_t mark;
  char const *address;
  size_t len;
};
/* The sender of a complete envelope, NUL-terminated. */
extern char const *envelope_sender(char const *s);
/* Moves *pos, 0 at first, from one recipient to the next. Returns 0 at the end. */
extern int envelope_next(char const *s, size_t len, size_t *pos, recipient *r);

/* Writes the trailer into s, ENVELOPE_TRAILER bytes, no NUL. */
extern void envelope_trailer_fmt(char *s, uint64_t message);
/*
 * Reads the trailer of a file of `size` bytes. Returns 0, or -1 and errno EPROTO if it is not one, or if what
 * it says cannot be: the envelope is then from *message to size - ENVELOPE_TRAILER, 3 to ENVELOPE_MAX bytes.
 */
extern int envelope_trailer_scan(char const *s, uint64_t size, uint64_t *message);

#endif
