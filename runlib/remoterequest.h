#ifndef RUNLIB_REMOTEREQUEST_H
#define RUNLIB_REMOTEREQUEST_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

/*
 * What remote -s takes from its socket: four bytes, the number of bytes that follow, with the message's descriptor; then
 * words, each with a NUL: the bytes of the message in its file, the host, the sender, the recipients. What comes back is
 * qmail-remote's report, until the end.
 */
#define REMOTE_REQUEST_MAX        131072U
#define REMOTE_REQUEST_RECIPIENTS 100U

typedef struct remote_request_s remote_request;
struct remote_request_s
{
  uint64_t len;
  char const *host;
  char const *sender;
  unsigned int n;
  char const *recipients[REMOTE_REQUEST_RECIPIENTS];
};

/*
 * Sends it over a stream socket, which blocks, with fd, which stays open here. Returns 0, or -1 and errno (EMSGSIZE: too many
 * recipients or bytes). Never SIGPIPE.
 */
extern int remote_request_send(int socket, int fd, remote_request const *r);
/*
 * Receives one. What it points to is in text, which the caller frees. Returns the message's descriptor (close-on-exec), or -1
 * and errno: EPROTO, it is no such request.
 */
extern int remote_request_receive(int socket, remote_request *r, stralloc *text);

#endif
