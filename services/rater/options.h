#ifndef RATER_OPTIONS_H
#define RATER_OPTIONS_H

#include <stdint.h>

/* The command line: raterd(8). */

#define ADDRESSES 8

typedef struct options_s options;
struct options_s
{
  char const *rules, *socket, *table, *blocks;
  char const *tcp[ADDRESSES], *policy[ADDRESSES];
  unsigned int n, n_policy;
  char const *door, *redis, *password;
  unsigned int redis_ms, share;
  int environment;
  unsigned int mode, ready, clients, inherited; /* inherited: the descriptor plus 1 */
  uint64_t keys;
};

/* Fills in o, which points into argv. --help and --version are answered here; bad usage ends the program (100). */
extern void options_parse(options *o, int argc, char const *const *argv);

#endif
