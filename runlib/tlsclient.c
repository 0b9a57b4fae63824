#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/clock.h>
#include <runlib/fdpass.h>
#include <runlib/tlsclient.h>

/* tlsd that is not even taking the request after this long is away, whatever the handshake may take. */
#define ACCEPT_MS 10000

static int has_newline(char const *s)
{
  return s && strpbrk(s, "\r\n");
}

int tls_request_fmt(char *s, size_t max, tls_request const *rq)
{
  int n;

  if (has_newline(rq->peer) || has_newline(rq->name) || has_newline(rq->ready)) return (errno = EINVAL, -1);
  n = snprintf(s, max, "tlsd 1\nmode %s\npeer %s\n%s%s%s%s%s%s",
               rq->mode == TLS_STARTTLS ? "starttls" : "implicit", rq->peer ? rq->peer : "",
               rq->name ? "name " : "", rq->name ? rq->name : "", rq->name ? "\n" : "",
               rq->ready ? "ready " : "", rq->ready ? rq->ready : "", rq->ready ? "\n" : "");
  if (n < 0 || (size_t)n >= max) return (errno = EINVAL, -1);
  return n;
}

/* Copies what is printable: the words end up in a Received line, a log and plugins' environments. */
static void keep(char *to, size_t max, char const *s, size_t n)
{
  size_t i = 0;

  for (; i < n && i + 1 < max; i++) to[i] = s[i] >= ' ' && s[i] <= '~' ? s[i] : '?';
  to[i] = 0;
}

static void take(tls_info *info, char const *key, size_t len, char const *text, size_t n)
{
#define IS(word) (len == sizeof(word) - 1 && !memcmp(key, word, len))
  if (IS("protocol")) keep(info->protocol, sizeof info->protocol, text, n);
  if (IS("cipher")) keep(info->cipher, sizeof info->cipher, text, n);
  if (IS("sni")) keep(info->sni, sizeof info->sni, text, n);
  if (IS("resumed")) info->resumed = n == 1 && *text == '1';
  if (IS("reason")) keep(info->reason, sizeof info->reason, text, n);
#undef IS
}

static int known(char const *s, size_t n)
{
  static char const *const words[] = {"accepted", "ok", "busy", "failed", 0};

  for (char const *const *w = words; *w; w++)
    if (strlen(*w) == n && !memcmp(*w, s, n)) return **w;
  return (errno = EPROTO, -1);
}

int tls_report_scan(char const *s, size_t n, tls_info *info)
{
  char const *end = memchr(s, '\n', n);
  int kind = end ? known(s, (size_t)(end - s)) : (errno = EPROTO, -1);

  while (kind != -1)
  {
    n -= (size_t)(end + 1 - s);
    s = end + 1;
    if (!n) return kind;
    end = memchr(s, '\n', n);
    if (!end) break;
    char const *space = memchr(s, ' ', (size_t)(end - s));
    if (space) take(info, s, (size_t)(space - s), space + 1, (size_t)(end - space - 1));
  }
  return (errno = EPROTO, -1);
}

static int connect_to(char const *path)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  size_t n = strlen(path);
  int fd;

  if (n >= sizeof sa.sun_path) return (errno = ENAMETOOLONG, -1);
  memcpy(sa.sun_path, path, n + 1);
  fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0) return fd;
  fd_close(fd);
  return -1;
}

/* Returns 0, or -1: ECONNRESET when tlsd hung up, as in receive. */
static int send_request(int fd, char const *s, size_t n, int const *fds)
{
  if (fdpass_send(fd, s, n, fds, 2) == 0) return 0;
  if (errno == EPIPE) errno = ECONNRESET;
  return -1;
}

/* Returns as tls_report_scan, or -1: ECONNRESET when tlsd hung up, ETIMEDOUT. */
static int receive(int fd, tls_info *info, uint64_t deadline)
{
  char s[TLS_REQUEST_MAX];
  ssize_t n;

  for (;;)
  {
    n = recv(fd, s, sizeof s, MSG_DONTWAIT);
    if (n > 0) return tls_report_scan(s, (size_t)n, info);
    if (!n) return (errno = ECONNRESET, -1);
    if (errno != EAGAIN && errno != EINTR) return -1;
    if (errno == EAGAIN && clock_await(fd, POLLIN, deadline) < 0) return -1;
  }
}

/*
 * Waits until tlsd says that the connection is its own. When it does not, shutdown makes sure that it never
 * will: its word is either in our queue by then, or cannot be sent any more, and it begins only after its word.
 */
static int wait_accepted(int fd, tls_info *info, uint64_t deadline)
{
  uint64_t soon = clock_ms() + ACCEPT_MS;
  int kind = receive(fd, info, soon < deadline ? soon : deadline);

  if (kind == 'a') return 0;
  if (kind == -1 && errno == ETIMEDOUT)
  {
    shutdown(fd, SHUT_RDWR);
    kind = receive(fd, info, 0);
    if (kind == 'a') return (errno = EPROTO, -1);
    errno = ETIMEDOUT;
  }
  else if (kind == 'b')
    errno = EBUSY;
  else if (kind != -1 || errno == EPROTO)
    errno = EINVAL;
  return -1;
}

static int hand_over(int fd, tls_request const *rq, int client_fd, int *plain_fd, tls_info *info,
                     uint64_t deadline)
{
  char s[TLS_REQUEST_MAX];
  int pair[2];
  int n = tls_request_fmt(s, sizeof s, rq);
  int result;

  if (n < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return -1;
  result = send_request(fd, s, (size_t)n, (int const[]){client_fd, pair[1]});
  fd_close(pair[1]);
  if (!result) result = wait_accepted(fd, info, deadline);
  if (!result && receive(fd, info, deadline) != 'o')
  {
    errno = EPROTO;
    result = -1;
  }
  if (result < 0)
    fd_close(pair[0]);
  else
    *plain_fd = pair[0];
  return result;
}

int tls_start(char const *socket, tls_request const *rq, int client_fd, int *plain_fd, tls_info *info,
              unsigned int timeout_ms)
{
  uint64_t deadline = clock_ms() + timeout_ms;
  int fd;
  int result;

  memset(info, 0, sizeof *info);
  fd = connect_to(socket);
  if (fd < 0) return -1;
  result = hand_over(fd, rq, client_fd, plain_fd, info, deadline);
  fd_close(fd);
  return result;
}
