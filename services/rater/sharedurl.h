#ifndef RATER_SHAREDURL_H
#define RATER_SHAREDURL_H

#include <sys/socket.h>
#include <sys/un.h>

/* Where the Redis of shared limits is. */

#define SHARED_PLACES 8 /* sentinels */

typedef struct redis_place_s redis_place;
struct redis_place_s
{
  struct sockaddr_storage sa;
  socklen_t len;
};

typedef struct redis_url_s redis_url;
struct redis_url_s
{
  redis_place places[SHARED_PLACES];
  unsigned int n;
  unsigned int db;
  char master[64]; /* the sentinels' name of it; empty: places[0] is Redis itself */
};

/* Returns 0, or what is wrong (static). */
extern char const *redis_url_scan(char const *text, redis_url *u);
/* ADDRESS:PORT. Returns 0, or -1. */
extern int redis_place_make(redis_place *p, char const *ip, char const *port);

#endif
