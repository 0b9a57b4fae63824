#ifndef RUNLIB_TCP_ENVIRON_H
#define RUNLIB_TCP_ENVIRON_H

#include <stddef.h>

#include <runlib/address.h>

#include <runlib/tcp/endpoint.h>

/*
 * The environment of the program, by UCSPI: https://cr.yp.to/proto/ucspi.txt and ucspi-tcp's environment.
 * What tcplisten itself was given stays, without the variables of a TCP connection that it may have had.
 */
typedef struct environment_s environment;
struct environment_s
{
  char *local_host;
  char const **vars; /* ends with 0; its strings are the given environment's and those below */
  size_t kept;
  char local_ip[16 + ENDPOINT_FMT];
  char local_port[24];
  char remote_ip[16 + ENDPOINT_FMT];
  char remote_port[24];
  char label[24 + ADDRESS_LABEL_MAX];
};

/* name: this machine's, for TCPLOCALHOST, or 0. envp must outlive e. Returns 0, or -1 and ENOMEM. */
extern int environment_init(environment *e, char const *const *envp, char const *name);
/* Writes one connection's variables over those of the one before. An empty label leaves TCPLOCALLABEL unset. */
extern void environment_set(environment *e, endpoint const *local, endpoint const *remote, char const *label);
extern void environment_free(environment *e);

#endif
