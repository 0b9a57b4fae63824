#ifndef RATER_LISTEN_H
#define RATER_LISTEN_H

#include "server.h"

/*
 * Make a socket that listens, and give it to the server. A unix socket left behind by a killed raterd is
 * replaced; of one that answers, errno is EADDRINUSE. may: as of the server's listeners.
 * Return 0, or -1 and errno.
 */
extern int listen_unix(server *s, char const *path, unsigned int mode, unsigned int may);
/* A unix socket that is bound already. */
extern int listen_inherited(server *s, int fd);

#endif
