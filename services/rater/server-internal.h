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
/* What epoll waits for; sends what is in s->out (-1: the client is gone); back to waiting; answers its questions. */
extern void client_events(server *s, client *c, unsigned int events);
extern int client_deliver(server *s, client *c);
extern void client_settle(server *s, client *c, int any);
extern void client_answer(server *s, client *c, question const *w);

/* clientwait.c: requests of the policy protocol, behind any answers that are in s->out already. */
extern void client_policy(server *s, client *c, unsigned int any);
/* Keeps the client's questions until Redis has answered those that it shall. Returns 0: there are none such. */
extern int client_waits(server *s, client *c, question *w);
/* Nobody waits any more for what Redis says to this client. */
extern void client_forget(server *s, client *c);
/* Answers those for whom Redis has answered. */
extern void client_ready(server *s);
/* What shared_new is given: who is a question. */
extern void client_told(void *who, verdict const *v);
/* Answers all questions, and sends the answers. */
extern void server_answer(server *s);

#endif
