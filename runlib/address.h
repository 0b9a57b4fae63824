#ifndef RUNLIB_ADDRESS_H
#define RUNLIB_ADDRESS_H

#include <stdint.h>

/*
 * Listening addresses as people write them: `127.0.0.1:25`, `[::1]:25`, `*:25` (every address, both
 * families), each with an optional label: `127.0.0.1:465/tls`. No names: nothing here asks DNS.
 */

#define ADDRESS_LABEL_MAX 31

typedef struct address_s address;
struct address_s
{
  unsigned char ip[16];              /* IPv4: the first four bytes; all zero: any */
  uint16_t port;                     /* 0: the kernel chooses */
  uint8_t family;                    /* 4, 6, or 0 for `*` */
  char label[ADDRESS_LABEL_MAX + 1]; /* letters, digits, `-`; empty: none */
};
#define ADDRESS_ZERO                                                                                         \
  {                                                                                                          \
    .port = 0, .family = 0                                                                                   \
  }

#define ADDRESS_FMT 128

/* Reads the whole of text. Returns 0, or what is wrong in words that follow "it is" (static). */
extern char const *address_scan(char const *text, address *a);
/* Writes what address_scan reads, with a NUL, into s (ADDRESS_FMT bytes). Returns its length. */
extern unsigned int address_fmt(char *s, address const *a);
/* Whether both cannot be listened on at once: same port, and one covers the other. */
extern int address_clash(address const *a, address const *b);

#endif
