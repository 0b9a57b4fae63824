#ifndef RUNLIB_TLSCLIENT_H
#define RUNLIB_TLSCLIENT_H

#include <stddef.h>

/*
 * Hands a client's connection to tlsd(8), which shakes hands and relays; tlsd(8) has the request's
 * format. The program holds no key and links no TLS library, and still knows who the client is.
 */

#define TLS_REQUEST_MAX 1024 /* bytes of a request or of a report */

typedef enum tls_mode_e
{
  TLS_STARTTLS, /* tlsd says `ready` in the clear once it has taken over, then waits for a ClientHello */
  TLS_IMPLICIT  /* the client begins with its ClientHello */
} tls_mode;

typedef struct tls_request_s tls_request;
struct tls_request_s
{
  tls_mode mode;
  char const *peer;  /* the client's IP address, as text: tlsd counts by it */
  char const *name;  /* which certificate to show a client that names none; 0: the first */
  char const *ready; /* STARTTLS: the line, without CRLF; 0: `220 2.0.0 ready to start TLS` */
};
#define TLS_REQUEST_ZERO                                                                                     \
  {                                                                                                          \
    .mode = TLS_STARTTLS, .peer = "", .name = 0, .ready = 0                                                  \
  }

/* What the handshake came to. Printable ASCII only, so that it can go into headers and the environment. */
typedef struct tls_info_s tls_info;
struct tls_info_s
{
  char protocol[16]; /* TLSv1.3 */
  char cipher[64];   /* TLS_AES_256_GCM_SHA384 */
  char sni[256];     /* the name that the client asked for; empty: none */
  int resumed;       /* 1: an earlier session was taken up again */
  char reason[128];  /* after -1: what tlsd says is wrong; empty: it said nothing */
};
#define TLS_INFO_ZERO                                                                                        \
  {                                                                                                          \
    .protocol = "", .cipher = "", .sni = "", .resumed = 0, .reason = ""                                      \
  }

/*
 * Returns once the handshake is over, or after timeout_ms (in all). 0: *plain_fd (close-on-exec, blocking)
 * carries the session from here on; the caller puts it in place of its fd 0 and 1, which must leave no copy
 * of client_fd open, since it is tlsd's now, and forgets all that it knew of the client (RFC 3207, 4.2).
 * -1, errno EPROTO: the handshake failed, or tlsd went away during it: the connection is of no more use.
 * -1, any other errno: the client has been told nothing and the plain session can go on (STARTTLS: answer
 * 454). EAGAIN or EBUSY: tlsd is full, or this client has too many sessions; ENOENT, ECONNREFUSED,
 * ECONNRESET, ETIMEDOUT: tlsd is away; EINVAL: the request has a newline in it or is too long.
 * Never closes client_fd, never raises SIGPIPE, leaves nothing open after -1.
 */
extern int tls_start(char const *socket, tls_request const *rq, int client_fd, int *plain_fd, tls_info *info,
                     unsigned int timeout_ms);

/* For tests and fuzzing. Writes the request. Returns its length, or -1 and EINVAL. */
extern int tls_request_fmt(char *s, size_t max, tls_request const *rq);

/* Reads a report of n bytes. Returns its first letter (`a`ccepted, `o`k, `b`usy, `f`ailed), or -1 and EPROTO. */
extern int tls_report_scan(char const *s, size_t n, tls_info *info);

#endif
