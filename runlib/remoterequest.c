#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/types.h>
#include <skalibs/uint32.h>

#include <runlib/fdpass.h>
#include <runlib/remoterequest.h>

static int add(stralloc *sa, char const *word)
{
  return stralloc_catb(sa, word, strlen(word) + 1);
}

static int send_all(int fd, char const *s, size_t n)
{
  while (n)
  {
    ssize_t r = send(fd, s, n, MSG_NOSIGNAL);
    if (r < 0 && errno != EINTR) return -1;
    if (r < 0) continue;
    s += r;
    n -= (size_t)r;
  }
  return 0;
}

int remote_request_send(int socket, int fd, remote_request const *r)
{
  stralloc sa = STRALLOC_ZERO;
  char number[UINT64_FMT], size[4];
  int done, result = -1;

  number[uint64_fmt(number, r->len)] = 0;
  done = add(&sa, number) && add(&sa, r->host) && add(&sa, r->sender);
  for (unsigned int i = 0; i < r->n && done; i++) done = add(&sa, r->recipients[i]);
  if (done && (sa.len > REMOTE_REQUEST_MAX || r->n > REMOTE_REQUEST_RECIPIENTS))
    errno = EMSGSIZE;
  else if (done)
  {
    uint32_pack_big(size, (uint32_t)sa.len);
    result = fdpass_send(socket, size, sizeof size, &fd, 1) < 0 ? -1 : send_all(socket, sa.s, sa.len);
  }
  stralloc_free(&sa);
  return result;
}

static int read_words(int socket, uint32_t size, stralloc *text)
{
  if (!size || size > REMOTE_REQUEST_MAX) return (errno = EPROTO, -1);
  if (!stralloc_ready(text, size)) return -1;
  errno = EPROTO;
  if (allread(socket, text->s, size) < size) return -1;
  text->len = size;
  return text->s[size - 1] ? (errno = EPROTO, -1) : 0;
}

/* Takes the words, of which the last one ends the text. */
static int split(remote_request *r, stralloc const *text)
{
  char const *words[3 + REMOTE_REQUEST_RECIPIENTS], *end = text->s + text->len;
  unsigned int n = 0;

  for (char const *s = text->s; s < end; s += strlen(s) + 1)
  {
    if (n == sizeof words / sizeof *words) return -1;
    words[n++] = s;
  }
  if (n < 4 || !uint640_scan(words[0], &r->len)) return -1;
  r->host = words[1];
  r->sender = words[2];
  r->n = n - 3;
  memcpy(r->recipients, words + 3, r->n * sizeof *words);
  return 0;
}

int remote_request_receive(int socket, remote_request *r, stralloc *text)
{
  char size[4];
  uint32_t n;
  int fd;
  ssize_t got = fdpass_receive(socket, size, sizeof size, &fd, 1, 0);

  if (got <= 0) return (errno = got ? errno : EPROTO, -1);
  if (got == sizeof size)
  {
    uint32_unpack_big(size, &n);
    if (!read_words(socket, n, text) && !split(r, text)) return fd;
  }
  fd_close(fd);
  errno = EPROTO;
  return -1;
}
