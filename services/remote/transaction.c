#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "body.h"
#include "session.h"

/*
 * Commands that may be under way at once: all their replies fit into what the kernel keeps for us, so that neither side
 * waits for the other to read.
 */
#define WINDOW 64U
#define CHUNK  32768U

/* --- the envelope -------------------------------------------------------------------------------- */

static int put_mail(session *s)
{
  delivery const *d = s->d;
  stralloc *out = &s->c.out;
  char size[UINT64_FMT];

  size[uint64_fmt(size, d->size)] = 0;
  return stralloc_cats(out, "MAIL FROM:") && path_put(out, d->sender) == 0 &&
         (!s->o.size || (stralloc_cats(out, " SIZE=") && stralloc_cats(out, size))) &&
         (!s->o.eightbit || !d->eight || stralloc_cats(out, " BODY=8BITMIME")) &&
         (!d->utf8 || stralloc_cats(out, " SMTPUTF8")) && (!s->o.dsn || stralloc_cats(out, " RET=HDRS"));
}

/* The i-th command: MAIL, a RCPT for each recipient, DATA. */
static void put_command(session *s, unsigned int i)
{
  stralloc *out = &s->c.out;
  int done = !i             ? put_mail(s)
             : i <= s->d->n ? stralloc_cats(out, "RCPT TO:") && path_put(out, s->d->recipients[i - 1]) == 0
                            : stralloc_cats(out, "DATA");

  if (!done || !stralloc_cats(out, "\r\n")) strerr_diefusys(111, "write a command");
}

static verdict refused(session *s, char const *at)
{
  report_add(s->d, s->r.code / 100 == 5 ? 'D' : 'Z', "Connected to ", s->ip, " but ", at,
             ".\nRemote host said: ", reply_said(&s->r), "\n", (char *)0);
  return SESSION_DONE;
}

static int note_recipient(session *s)
{
  unsigned int class = s->r.code / 100;

  if (class == 2)
    report_add(s->d, 'r', (char *)0);
  else
    report_add(s->d, class == 5 ? 'h' : 's', s->ip,
               " does not like recipient.\nRemote host said: ", reply_said(&s->r), "\n", (char *)0);
  return class == 2;
}

/* What was said about recipients is void: nothing was sent to them. */
static verdict lost(session *s, char const *at)
{
  s->d->report.len = 0;
  return session_next(s, at);
}

/*
 * Sends the envelope and reads the answers, several commands at once where the server knows that (RFC 2920). *go: it waits
 * for the message. *accepted: how many recipients it takes.
 */
static verdict envelope(session *s, unsigned int *accepted, int *go)
{
  unsigned int all = s->d->n + (s->d->set->probe ? 1 : 2), sent = 0;
  int mail = 0;

  for (unsigned int got = 0; got < all; got++)
  {
    for (; sent < all && (sent == got || (s->o.pipelining && sent - got < WINDOW)); sent++)
      put_command(s, sent);
    if (conn_reply(&s->c, &s->r, session_wait(s, got > s->d->n ? WAIT_DATA : WAIT_COMMAND)) < 0)
      return lost(s, !got ? "at MAIL" : got > s->d->n ? "at DATA" : "at RCPT");
    if (!got) mail = s->r.code / 100 == 2;
    if (!got && !mail) (void)refused(s, "sender was rejected");
    if (got && got <= s->d->n && mail) *accepted += (unsigned int)note_recipient(s);
    /* Word for word, nothing more needs to be said to a server that takes nothing. */
    if (!s->o.pipelining && (!mail || (got == s->d->n && !*accepted))) break;
  }
  *go = sent == all && !s->d->set->probe && s->r.code / 100 == 3;
  if (mail && !*accepted) report_add(s->d, 'D', "Giving up on ", s->ip, ".\n", (char *)0);
  if (mail && *accepted && s->d->set->probe)
    report_add(s->d, 'K', s->ip, " would take a message.\n", (char *)0);
  else if (mail && *accepted && !*go)
    return refused(s, "DATA was rejected");
  return SESSION_DONE;
}

/* --- the message --------------------------------------------------------------------------------- */

/* Whoever waits for the report is gone, and may try the same again: the last dot would make two of one message. */
static int is_abandoned(void)
{
  struct pollfd x = {.fd = 1, .events = 0};

  return poll(&x, 1, 0) > 0 && x.revents & (POLLHUP | POLLERR);
}

/* Returns 0, or -1 and errno; *file: it is the message's file that cannot be read. */
static int put_message(session *s, int *file)
{
  body b = BODY_ZERO;
  char chunk[CHUNK];

  if (body_put(&b, &s->c.out, s->d->prefix.s, s->d->prefix.len) < 0) return -1;
  for (uint64_t done = 0; done < s->d->len;)
  {
    uint64_t left = s->d->len - done;
    ssize_t n = pread(s->d->message, chunk, left < sizeof chunk ? (size_t)left : sizeof chunk, (off_t)done);
    *file = n <= 0;
    if (!n) errno = EIO;
    if (n <= 0 || body_put(&b, &s->c.out, chunk, (size_t)n) < 0) return -1;
    done += (uint64_t)n;
    if (done < s->d->len && conn_flush(&s->c, session_wait(s, WAIT_BLOCK)) < 0) return -1;
  }
  return body_end(&b, &s->c.out);
}

static verdict unfinished(session *s, char const *what, char const *code)
{
  report_add(s->d, 'Z', "Connected to ", s->ip, " but ", what, " (", strerror(errno), ") ", code, "\n",
             (char *)0);
  return SESSION_DONE;
}

static verdict message(session *s)
{
  int file = 0;

  if (put_message(s, &file) < 0)
  {
    int e = errno;
    reply_clear(&s->r);
    /* It may have said why it does not listen. */
    if (!file && conn_reply(&s->c, &s->r, 1) == 0) return refused(s, "the message was rejected");
    s->r.code = 0;
    errno = e;
    return unfinished(s, file ? "the message cannot be read" : "the connection died within the message",
                      file ? "(#4.3.0)" : "(#4.4.2)");
  }
  if (is_abandoned()) strerr_dief(111, "nobody waits for the report any more");
  if (conn_reply(&s->c, &s->r, session_wait(s, WAIT_DOT)) < 0)
  {
    s->r.code = 0;
    return unfinished(s, "the connection died after the message. Possible duplicate!", "(#4.4.2)");
  }
  if (s->r.code / 100 != 2) return refused(s, "the message was rejected");
  report_add(s->d, 'K', s->ip, " accepted message", s->facts.len ? " (" : "", s->facts.len ? s->facts.s : "",
             s->facts.len ? ")" : "", ".\nRemote host said: ", reply_said(&s->r), "\n", (char *)0);
  return SESSION_DONE;
}

/* --- all of it ----------------------------------------------------------------------------------- */

static verdict impossible(session *s, char const *why)
{
  report_add(s->d, 'D', "Connected to ", s->ip, " but ", why, "\n", (char *)0);
  return SESSION_DONE;
}

verdict transaction_run(session *s)
{
  unsigned int accepted = 0;
  int go = 0;
  verdict v;

  if (s->facts.len && !stralloc_0(&s->facts)) strerr_diefusys(111, "remember the cipher");
  if (s->o.most && s->d->size > s->o.most)
    return impossible(s, "the message is larger than it takes (#5.3.4)");
  if (s->d->eight && !s->o.eightbit)
    return impossible(s, "it takes no messages with bytes above 127 (8BITMIME) (#5.6.3)");
  if (s->d->utf8 && !s->o.utf8) return impossible(s, "it takes no addresses in UTF-8 (SMTPUTF8) (#5.6.7)");
  v = envelope(s, &accepted, &go);
  if (v != SESSION_DONE || !go) return v;
  if (accepted) return message(s);
  /* It waits for a message to nobody: no dot, no message. */
  s->r.code = 0;
  return v;
}
