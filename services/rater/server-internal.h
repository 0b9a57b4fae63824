#ifndef RATER_SERVER_INTERNAL_H
#define RATER_SERVER_INTERNAL_H

#include "server.h"

/* No descriptors or no memory (errno): the clients there are go on, and newcomers wait a moment. */
extern void server_pause(server *s, char const *what);
extern client *client_new(server *s, int fd, asker who);
extern void client_drop(server *s, client *c);
/* Read lines, for server_answer; send what was held back; look at more of what was read in an earlier turn. */
extern void client_read(server *s, client *c);
extern void client_write(server *s, client *c);
extern void client_again(server *s, client *c);
/* Answers all questions, and sends the answers. */
extern void server_answer(server *s);

#endif
