#ifndef RUNLIB_TCP_ENDPOINT_H
#define RUNLIB_TCP_ENDPOINT_H

#include <stdint.h>
#include <sys/socket.h>

/* One end of a connection. An IPv4 address that a `::` socket shows as ::ffff:1.2.3.4 is kept as IPv4. */
typedef struct endpoint_s endpoint;
struct endpoint_s
{
  unsigned char ip[16]; /* IPv4: the first four bytes */
  uint16_t port;
  uint8_t family; /* 4 or 6 */
};
#define ENDPOINT_ZERO                                                                                        \
  {                                                                                                          \
    .port = 0, .family = 4                                                                                   \
  }

#define ENDPOINT_FMT 64

/* What the limit of connections a client counts by: an IPv4 address, or the /64 that an IPv6 address is in. */
typedef struct client_s client;
struct client_s
{
  unsigned char key[16];
};

/* Returns 0, or -1 and EAFNOSUPPORT if it is not an address of the internet. */
extern int endpoint_from(endpoint *e, struct sockaddr_storage const *sa);
/* Each writes with a NUL into s (ENDPOINT_FMT bytes) and returns the length: 1.2.3.4, ::1; 1.2.3.4:25, [::1]:25. */
extern unsigned int endpoint_fmt_ip(char *s, endpoint const *e);
extern unsigned int endpoint_fmt(char *s, endpoint const *e);
/* The address as runlib/nets.h has it: IPv4 in IPv6. */
extern void endpoint_wide(unsigned char ip[16], endpoint const *e);
extern void endpoint_client(client *c, endpoint const *e);

#endif
