#ifndef RUNLIB_TCP_PROXY_H
#define RUNLIB_TCP_PROXY_H

#include <stddef.h>

#include <runlib/tcp/endpoint.h>

/*
 * What a balancer says before the client's first byte: HAProxy's PROXY protocol, versions 1 and 2
 * (https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt).
 */

#define PROXY_MAX                                                                                            \
  1024 /* bytes of a header that are accepted; the document asks for 232 and what extensions add */

typedef enum proxy_result_e
{
  PROXY_MORE,  /* it may become one */
  PROXY_WRONG, /* it is none, or makes no sense */
  PROXY_OWN,   /* the balancer comes for itself, or does not say for whom */
  PROXY_CLIENT /* for a client: its two ends are known */
} proxy_result;

/* Reads the header that the n bytes begin with; *used: its length, for the last two results. */
extern proxy_result proxy_scan(unsigned char const *s, size_t n, size_t *used, endpoint *local,
                               endpoint *remote);

#endif
