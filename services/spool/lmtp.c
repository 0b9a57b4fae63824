#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/clock.h>
#include <runlib/mailbox.h>

#include <services/spool/lmtp.h>

#define CHUNK 65536U

/* --- bytes ------------------------------------------------------------------------------------------- */

static int lmtp_wait(lmtp const *l, short events)
{
  struct pollfd x = {.fd = l->fd, .events = events};
  uint64_t now;

  while ((now = clock_ms()) < l->deadline)
    if (poll(&x, 1, (int)(l->deadline - now)) > 0) return 0;
  return (errno = ETIMEDOUT, -1);
}

static int lmtp_write(lmtp *l, char const *s, size_t n)
{
  while (n)
  {
    ssize_t r = send(l->fd, s, n, MSG_NOSIGNAL);
    if (r < 0 && errno != EAGAIN && errno != EINTR) return -1;
    if (r < 0 && errno == EAGAIN && lmtp_wait(l, POLLOUT) < 0) return -1;
    if (r <= 0) continue;
    s += r;
    n -= (size_t)r;
  }
  return 0;
}

static int lmtp_read(lmtp *l)
{
  ssize_t r;

  if (l->in.len > 65536) return (errno = EPROTO, -1);
  if (!stralloc_readyplus(&l->in, 4096)) return -1;
  while ((r = read(l->fd, l->in.s + l->in.len, 4096)) < 0)
    if (errno != EINTR && (errno != EAGAIN || lmtp_wait(l, POLLIN) < 0)) return -1;
  if (!r) return (errno = ECONNRESET, -1);
  l->in.len += (size_t)r;
  return 0;
}

/* --- replies ----------------------------------------------------------------------------------------- */

static unsigned int reply_code(char const *s, size_t n)
{
  for (unsigned int i = 0; i < 3; i++)
    if (n < 3 || s[i] < '0' || s[i] > '9') return 0;
  return (unsigned int)(s[0] - '0') * 100 + (unsigned int)(s[1] - '0') * 10 + (unsigned int)(s[2] - '0');
}

/* A whole reply; its lines become one. Returns 0, or -1 and errno. */
static int lmtp_reply(lmtp *l, lmtp_result *r)
{
  size_t len = 0;

  for (;;)
  {
    char *end;
    size_t n;
    while (!(end = memchr(l->in.s ? l->in.s : "", '\n', l->in.len)))
      if (lmtp_read(l) < 0) return -1;
    n = (size_t)(end - l->in.s);
    r->code = reply_code(l->in.s, n);
    int more = n > 3 && l->in.s[3] == '-';
    for (size_t i = len ? 4 : 0; i < n && len < sizeof r->text - 2; i++)
      if ((unsigned char)l->in.s[i] >= ' ' && l->in.s[i] != 127) r->text[len++] = l->in.s[i];
    if (more && len < sizeof r->text - 2) r->text[len++] = ' ';
    memmove(l->in.s, end + 1, l->in.len - n - 1);
    l->in.len -= n + 1;
    if (!r->code) return (errno = EPROTO, -1);
    if (!more) break;
  }
  r->text[len] = 0;
  return 0;
}

/* A command of these words, and its reply. */
static int lmtp_say(lmtp *l, char const *verb, char const *address, char const *end, lmtp_result *r)
{
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (stralloc_cats(&sa, verb) && (!address || mailbox_address(&sa, address) == 0) &&
      stralloc_cats(&sa, end) && stralloc_cats(&sa, "\r\n") && lmtp_write(l, sa.s, sa.len) == 0)
    result = lmtp_reply(l, r);
  stralloc_free(&sa);
  return result;
}

/* --- a message --------------------------------------------------------------------------------------- */

static int lmtp_connect(lmtp *l)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  lmtp_result r;

  if (strlen(l->path) >= sizeof sa.sun_path) return (errno = ENAMETOOLONG, -1);
  strcpy(sa.sun_path, l->path);
  l->in.len = 0;
  l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (l->fd < 0) return -1;
  if (connect(l->fd, (struct sockaddr *)&sa, sizeof sa) < 0) return -1;
  if (lmtp_reply(l, &r) < 0 || r.code != 220 || lmtp_say(l, "LHLO ", 0, l->host, &r) < 0 || r.code != 250)
    return errno ? -1 : (errno = EPROTO, -1);
  return 0;
}

int lmtp_body(stralloc *out, char const *s, size_t n, int *within)
{
  char *to;

  if (!stralloc_readyplus(out, 2 * n)) return -1;
  to = out->s + out->len;
  for (char const *end = s + n; s < end; s++)
  {
    if (*s == '\r') continue; /* what was before a newline comes back; elsewhere nobody may have it */
    if (*s == '.' && !*within) *to++ = '.';
    if (*s == '\n') *to++ = '\r';
    *to++ = *s;
    *within = *s != '\n';
  }
  out->len = (size_t)(to - out->s);
  return 0;
}

static int lmtp_data(lmtp *l, message const *m)
{
  stralloc out = STRALLOC_ZERO;
  char s[CHUNK];
  int within = 0, result = 0;

  for (uint64_t done = 0; done < m->len && !result;)
  {
    size_t most = m->len - done < sizeof s ? (size_t)(m->len - done) : sizeof s;
    ssize_t r = pread(m->fd, s, most, (off_t)done);
    if (r < 0 && errno == EINTR) continue;
    out.len = 0;
    if (r <= 0 || lmtp_body(&out, s, (size_t)r, &within) < 0 || lmtp_write(l, out.s, out.len) < 0)
      result = -1;
    done += (uint64_t)r;
  }
  stralloc_free(&out);
  if (!result && within) result = lmtp_write(l, "\r\n", 2);
  return result < 0 ? -1 : lmtp_write(l, ".\r\n", 3);
}

/* The same answer for those who have no refusal yet. */
static void for_others(lmtp_result *r, unsigned int n, lmtp_result const *same)
{
  for (unsigned int i = 0; i < n; i++)
    if (!r[i].code) r[i] = *same;
}

/* Returns 0, or -1 and errno: the connection is of no use any more. */
static int lmtp_transact(lmtp *l, message const *m, char const *sender, char const *const *to, unsigned int n,
                         lmtp_result *r)
{
  lmtp_result all = {.code = 0};
  unsigned int accepted = 0;

  if (lmtp_say(l, "MAIL FROM:<", sender, ">", &all) < 0) return -1;
  l->begun = 1;
  if (all.code >= 400) return for_others(r, n, &all), lmtp_say(l, "RSET", 0, "", &all);
  for (unsigned int i = 0; i < n; i++)
  {
    if (lmtp_say(l, "RCPT TO:<", to[i], ">", r + i) < 0) return -1;
    if (r[i].code >= 400) continue;
    r[i].code = 0;
    accepted++;
  }
  if (!accepted) return lmtp_say(l, "RSET", 0, "", &all);
  if (lmtp_say(l, "DATA", 0, "", &all) < 0) return -1;
  if (all.code != 354) return for_others(r, n, &all), lmtp_say(l, "RSET", 0, "", &all);
  if (lmtp_data(l, m) < 0) return -1;
  for (unsigned int i = 0; i < n; i++)
  {
    if (r[i].code) continue;
    if (lmtp_reply(l, &all) < 0) return -1;
    r[i] = all;
  }
  return 0;
}

void lmtp_send(lmtp *l, message const *m, char const *sender, char const *const *to, unsigned int n,
               lmtp_result *r)
{
  int kept = l->fd >= 0, result = -1, e;

  for (unsigned int i = 0; i < n; i++) r[i].code = 0;
  l->begun = 0;
  l->deadline = clock_ms() + LMTP_SECONDS * 1000u;
  errno = EHOSTDOWN;
  if (!l->down && (kept || lmtp_connect(l) == 0)) result = lmtp_transact(l, m, sender, to, n, r);
  e = errno;
  if (!result) return;
  lmtp_end(l);
  /* It may have been closed since the last message. */
  if (kept && !l->begun && (e == EPIPE || e == ECONNRESET)) return lmtp_send(l, m, sender, to, n, r);
  l->down = 1;
  for (unsigned int i = 0; i < n; i++)
    if (!r[i].code)
      snprintf(r[i].text, sizeof r[i].text, "unable to hand it over to %s: %s", l->path, strerror(e));
}

void lmtp_end(lmtp *l)
{
  if (l->fd >= 0) fd_close(l->fd);
  l->fd = -1;
  l->down = 0;
  l->in.len = 0;
}
