#ifndef RUNLIB_TCP_LISTENER_H
#define RUNLIB_TCP_LISTENER_H

#include <runlib/address.h>

#include <runlib/tcp/endpoint.h>

typedef struct listener_s listener;
struct listener_s
{
  int fd; /* non-blocking, close-on-exec; -1 once closed */
  endpoint local;
  int any; /* bound to every address: each connection has its own local one */
  char label[ADDRESS_LABEL_MAX + 1];
};

/* Sockets that another process listened on before: one that is taken from them is -1 afterwards. */
typedef struct held_s held;
struct held_s
{
  int *fds;
  unsigned int n;
};

/*
 * Listens on the address that text names: what address_scan reads, or `fd:N[/label]`, a listening TCP
 * socket that was inherited as descriptor N. `*` makes two listeners, one a family; a family that this
 * machine lacks is left out. A held socket that is bound there is used. l has room for two. Returns how many were made, or 0 with what went wrong
 * in *why (static; 0: see errno).
 */
extern unsigned int listener_open(listener *l, char const *text, unsigned int backlog, held *h,
                                  char const **why);
/* What is wrong with text, or 0: what listener_open can tell without opening anything. */
extern char const *listener_wrong(char const *text);
/*
 * The next connection's descriptor (blocking, close-on-exec) and its two ends, or -1 and errno.
 * EAGAIN: nobody waits, or who did has gone.
 */
extern int listener_accept(listener const *l, endpoint *local, endpoint *remote);

#endif
