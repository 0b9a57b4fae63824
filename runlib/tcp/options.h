#ifndef RUNLIB_TCP_OPTIONS_H
#define RUNLIB_TCP_OPTIONS_H

#include <runlib/tcp/blocks.h>

#include <runlib/nets.h>

#define ADDRESSES_MAX 32
#define SESSIONS_MAX  20000

/* The command line of a listener: tcplisten(8). */
typedef struct tcp_options_s tcp_options;
struct tcp_options_s
{
  unsigned int ready;      /* the descriptor of -d, 0: none */
  unsigned int total;      /* -c */
  unsigned int per_client; /* -C, 0: no limit */
  unsigned int backlog;    /* -b */
  unsigned int drain;      /* -t, seconds */
  char const *refusal;     /* -r, without its line end, or 0 */
  char const *blocked;     /* -R, the same for those of -B and -i */
  blocks blocks;           /* -B, -i, -I */
  char const *name;        /* -l, or 0 */
  char const *user;        /* -u, or 0 */
  char const *group;       /* -g, or 0 */
  int environment;         /* -U */
  char const *counters;    /* -s, or 0 */
  char const *door;        /* -D, or 0 */
  char const *generation;  /* -G, or 0 */
  int verbose;             /* -v */
  nets proxies;            /* -P */
  char const *const *addresses;
  unsigned int count; /* of addresses */
  char const *const *program;
};
#define TCP_OPTIONS_ZERO                                                                                     \
  {                                                                                                          \
    .ready = 0, .total = 100, .per_client = 0, .backlog = 256, .drain = 60, .refusal = 0, .blocked = 0,      \
    .name = 0, .user = 0, .group = 0, .environment = 0, .counters = 0, .door = 0, .generation = 0,           \
    .verbose = 0, .proxies = NETS_ZERO, .addresses = 0, .count = 0, .program = 0                             \
  }

/* Fills in o, which points into argv. --help and --version are answered here; bad usage ends the program (100). */
extern void tcp_options_parse(tcp_options *o, int argc, char const *const *argv);

#endif
