#ifndef SERVICES_SMTPD_DATA_H
#define SERVICES_SMTPD_DATA_H

#include <stddef.h>
#include <stdint.h>

/*
 * What follows DATA: CRLF becomes LF, the dots are taken off, only CRLF.CRLF ends it. A CR or an LF
 * that is not part of a CRLF ends the decoding as bad: two servers that read it differently are how mail
 * is smuggled.
 */

typedef enum data_state_e
{
  DATA_START, /* at the start of a line */
  DATA_LINE,
  DATA_CR,
  DATA_DOT,
  DATA_DOT_CR,
  DATA_END,
  DATA_BAD
} data_state;

#define DATA_FIELD 16 /* the longest name that counts as a hop, its colon, and some blanks between the two */

typedef struct data_s data;
struct data_s
{
  data_state state;
  int body;              /* the header is over */
  unsigned int hops;     /* Received and Delivered-To fields in the header */
  unsigned int position; /* bytes of this line kept in field, up to DATA_FIELD */
  char field[DATA_FIELD];
  uint64_t size; /* bytes decoded, a line's end counted as one */
};
#define DATA_ZERO                                                                                            \
  {                                                                                                          \
    .state = DATA_START, .body = 0, .hops = 0, .position = 0, .size = 0                                      \
  }

/*
 * Decodes up to len bytes of in to out, which has room for len. Returns how many it took, less than
 * len only when state is DATA_END or DATA_BAD; *n is what went to out.
 */
extern size_t data_decode(data *d, char const *in, size_t len, char *out, size_t *n);

#endif
