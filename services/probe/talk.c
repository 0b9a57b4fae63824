#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include <services/probe/talk.h>

long talk_now(void)
{
  struct timespec ts;

  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int talk_fail(talk *t, char const *what)
{
  int timed = errno == EAGAIN || errno == EINPROGRESS || errno == ETIMEDOUT;

  snprintf(t->why, sizeof t->why, "%s: %s", what,
           timed   ? "no answer"
           : errno ? strerror(errno)
                   : "it closed the connection");
  return -1;
}

/* What is left of the time bounds the next system call. */
static int talk_bound(talk *t)
{
  long left = t->deadline - talk_now();
  struct timeval tv = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};

  if (left <= 0) return (errno = ETIMEDOUT, -1);
  return setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) < 0 ||
                 setsockopt(t->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) < 0
             ? -1
             : 0;
}

/* Cuts `ADDRESS:PORT`, with brackets or without. Returns the port, or 0. */
static char *talk_cut(char *host, char const *address, size_t len, size_t size)
{
  char *colon;

  if (len >= size) return 0;
  memcpy(host, address, len);
  host[len] = 0;
  colon = strrchr(host, ':');
  if (!colon) return 0;
  *colon = 0;
  if (*host == '[' && colon[-1] == ']')
  {
    colon[-1] = 0;
    memmove(host, host + 1, strlen(host));
  }
  if (!strcmp(host, "0.0.0.0") || !*host) strcpy(host, "127.0.0.1");
  if (!strcmp(host, "::")) strcpy(host, "::1");
  return colon + 1;
}

int talk_open(talk *t, char const *address, size_t len, long deadline)
{
  struct addrinfo const hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
  struct addrinfo *a = 0;
  char host[300];
  char *port;
  int ok;

  memset(t, 0, sizeof *t);
  t->fd = -1;
  t->deadline = deadline;
  port = talk_cut(host, address, len, sizeof host - 16);
  if (!port || getaddrinfo(host, port, &hints, &a)) return (errno = EINVAL, talk_fail(t, "connect"));
  t->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ok = t->fd >= 0 && talk_bound(t) == 0 && connect(t->fd, a->ai_addr, a->ai_addrlen) == 0;
  freeaddrinfo(a);
  return ok ? 0 : talk_fail(t, "connect");
}

int talk_tls(talk *t, SSL_CTX *ctx)
{
  int r = -1;

  t->len = t->at = 0; /* nothing said in the clear counts */
  errno = 0;
  ERR_clear_error();
  t->ssl = SSL_new(ctx);
  if (t->ssl && SSL_set_fd(t->ssl, t->fd) && talk_bound(t) == 0) r = SSL_connect(t->ssl);
  if (r == 1) return 0;
  if (!ERR_peek_error()) return talk_fail(t, "TLS");
  snprintf(t->why, sizeof t->why, "TLS: %s", ERR_reason_error_string(ERR_peek_error()));
  return -1;
}

int talk_say(talk *t, char const *text)
{
  for (size_t len = strlen(text), n; len; text += n, len -= n)
  {
    errno = 0;
    ssize_t r = talk_bound(t) < 0 ? -1
                : t->ssl          ? SSL_write(t->ssl, text, (int)len)
                                  : send(t->fd, text, len, 0);
    if (r <= 0) return talk_fail(t, "write");
    n = (size_t)r;
  }
  return 0;
}

static int talk_fill(talk *t)
{
  ssize_t n;

  errno = 0;
  n = talk_bound(t) < 0 ? -1
      : t->ssl          ? SSL_read(t->ssl, t->in, sizeof t->in)
                        : recv(t->fd, t->in, sizeof t->in, 0);
  if (n <= 0) return talk_fail(t, "read");
  t->len = (size_t)n;
  t->at = 0;
  return 0;
}

int talk_hear(talk *t)
{
  size_t n = 0;

  for (;;)
  {
    if (t->at == t->len && talk_fill(t) < 0) return -1;
    char c = t->in[t->at++];
    if (c == '\n') break;
    if (c != '\r' && n < sizeof t->line - 1) t->line[n++] = (unsigned char)c < 32 ? '?' : c;
  }
  t->line[n] = 0;
  return 0;
}

void talk_close(talk *t)
{
  SSL_free(t->ssl);
  t->ssl = 0;
  if (t->fd >= 0) close(t->fd);
  t->fd = -1;
}
