#ifndef RUNLIB_NETS_H
#define RUNLIB_NETS_H

#include <stdint.h>

#include <skalibs/genalloc.h>

/* Sets of networks, looked up by address: a search for each size of network that is there. */

/* An address, or all whose first bits are these. IPv4 is ::ffff:0:0/96. */
typedef struct net_s net;
struct net_s
{
  unsigned char bits; /* first, so that the order is by size */
  unsigned char ip[16];
  uint64_t until; /* seconds since 1970, when it is no longer in the set; NET_EVER: never */
};
#define NET_EVER UINT64_MAX
#define NET_FMT  64

typedef struct nets_s nets;
struct nets_s
{
  genalloc list;   /* of net, sorted */
  char sizes[129]; /* whether there is one of so many bits */
};
#define NETS_ZERO                                                                                            \
  {                                                                                                          \
    .list = GENALLOC_ZERO                                                                                    \
  }

/*
 * Reads 192.0.2.1, 192.0.2.0/24, 192.0. (that is 192.0.0.0/16) or 2001:db8::/32, the whole of text. Bits behind the size
 * are cleared, until becomes NET_EVER. Returns 1, or 0: it is none of these.
 */
extern int nets_scan(char const *text, net *n);
/* Writes it as nets_scan reads it, with a NUL, into s (NET_FMT bytes); an address without its size. Returns the length. */
extern unsigned int nets_fmt(char *s, net const *n);
/* Whether n has all of m. */
extern int nets_has(net const *n, net const *m);

/* Returns 0, or -1 and errno (ENOMEM). */
extern int nets_add(nets *s, net const *n);
/* To be called after nets_add and before nets_find. */
extern void nets_sort(nets *s);
/* A network of the set that has the address ip (16 bytes, IPv4 as above) at now (seconds since 1970), or 0. */
extern net const *nets_find(nets const *s, unsigned char const *ip, uint64_t now);
extern void nets_free(nets *s);

#endif
