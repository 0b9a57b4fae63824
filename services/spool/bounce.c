#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <runlib/envelope.h>
#include <runlib/intake.h>
#include <runlib/mailbox.h>
#include <runlib/spoolname.h>

#include <services/spool/bounce.h>
#include <services/spool/notes.h>
#include <services/spool/result.h>

static int add(stralloc *sa, char const *const *words)
{
  for (; *words; words++)
    if (!stralloc_cats(sa, *words)) return -1;
  return 0;
}
#define ADD(sa, ...) add(sa, (char const *const[]){__VA_ARGS__, 0})

static int add_date(stralloc *sa, char const *field, uint64_t seconds)
{
  time_t t = (time_t)seconds;
  struct tm tm;
  char date[64];

  if (!gmtime_r(&t, &tm) || !strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm))
    return (errno = EINVAL, -1);
  return ADD(sa, field, date, "\n");
}

static int add_header(bounce const *b, char const *to, stralloc *sa)
{
  if (ADD(sa, "From: Mail Delivery System <MAILER-DAEMON@", b->host, ">\nTo: <") < 0 ||
      mailbox_address(sa, to) < 0 ||
      ADD(sa, ">\nSubject: ", b->delayed ? "Delayed mail (still being tried)" : "Undelivered mail", "\n") <
          0 ||
      add_date(sa, "Date: ", b->now) < 0)
    return -1;
  return ADD(sa, "Message-ID: <", b->name, b->delayed ? ".delayed@" : ".failed@", b->host,
             ">\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
             "Content-Type: multipart/report; report-type=delivery-status; boundary=\"=_",
             b->name, "\"\n\n");
}

static int begin_part(bounce const *b, char const *type, stralloc *sa)
{
  return ADD(sa, "--=_", b->name, "\nContent-Type: ", type, "\nContent-Transfer-Encoding: 8bit\n\n");
}

typedef int each_recipient(bounce const *b, char const *address, char const *why, stralloc *sa);

static int of_recipient(bounce const *b, char const *address, each_recipient *f, stralloc *sa)
{
  static char const unknown[] = "the reason was not kept";
  char const *text = unknown;
  size_t n = note_find(b->notes, b->delayed ? NOTE_DEFERRED : NOTE_FAILED, address, &text);
  stralloc why = STRALLOC_ZERO;
  int result = -1;

  if (stralloc_catb(&why, text, n ? n : sizeof unknown - 1) && stralloc_0(&why))
    result = f(b, address, why.s, sa);
  stralloc_free(&why);
  return result;
}

static int for_recipients(bounce const *b, each_recipient *f, stralloc *sa)
{
  char mark = b->delayed ? ENVELOPE_REMOTE : ENVELOPE_FAILED;
  size_t pos = 0;
  recipient r;

  while (envelope_next(b->m->envelope.s, b->m->envelope.len, &pos, &r))
    if (b->m->envelope.s[r.mark] == mark && of_recipient(b, r.address, f, sa) < 0) return -1;
  return 0;
}

static int add_words(bounce const *b, char const *address, char const *why, stralloc *sa)
{
  (void)b;
  return ADD(sa, "<") < 0 || printable(sa, address) < 0 ? -1 : ADD(sa, ">:\n    ", why, "\n\n");
}

static int add_status(bounce const *b, char const *address, char const *why, stralloc *sa)
{
  char status[STATUS_SIZE];
  char const *said = result_said(why);

  result_status(status, why);
  if (ADD(sa, "Final-Recipient: rfc822; ") < 0 || mailbox_address(sa, address) < 0) return -1;
  if (ADD(sa, "\nAction: ", b->delayed ? "delayed" : "failed", "\nStatus: ", status, "\n") < 0) return -1;
  if (ADD(sa, "Diagnostic-Code: ", said ? "smtp; " : "x-mailctl; ", said ? said : why, "\n") < 0) return -1;
  return b->delayed ? add_date(sa, "Will-Retry-Until: ", spoolname_birth(b->name) / 1000000 + b->lifetime) < 0
                          ? -1
                          : ADD(sa, "\n")
                    : ADD(sa, "\n");
}

/* The message's header, as it is, without the empty line. */
static int add_original(bounce const *b, stralloc *sa)
{
  size_t n = b->m->len < BOUNCE_HEADER_MAX ? (size_t)b->m->len : BOUNCE_HEADER_MAX, was = sa->len;
  char const *end;

  if (!stralloc_readyplus(sa, n + 1)) return -1;
  if (pread(b->m->fd, sa->s + was, n, 0) != (ssize_t)n) return (errno = EIO, -1);
  end = memmem(sa->s + was, n, "\n\n", 2);
  sa->len = was + (end ? (size_t)(end - sa->s) - was + 1 : n);
  return 0;
}

int bounce_write(bounce const *b, char const *to, stralloc *sa)
{
  if (add_header(b, to, sa) < 0 || begin_part(b, "text/plain; charset=utf-8", sa) < 0 ||
      ADD(sa, "This is the mail system at ", b->host, ".\n\n",
          b->delayed ? "A message from you could not be delivered yet. It is still being tried;\n"
                       "you need not send it again. It waits for:\n\n"
                     : "A message from you could not be delivered to:\n\n") < 0 ||
      for_recipients(b, &add_words, sa) < 0)
    return -1;
  if (begin_part(b, "message/delivery-status", sa) < 0 ||
      ADD(sa, "Reporting-MTA: dns; ", b->host, "\n") < 0 ||
      add_date(sa, "Arrival-Date: ", spoolname_birth(b->name) / 1000000) < 0 || ADD(sa, "\n") < 0 ||
      for_recipients(b, &add_status, sa) < 0)
    return -1;
  if (begin_part(b, "text/rfc822-headers", sa) < 0 || add_original(b, sa) < 0) return -1;
  return ADD(sa, "\n--=_", b->name, "--\n");
}

static int queue(char const *spool, char const *from, char const *to, stralloc const *text)
{
  static intake q;
  stralloc envelope = STRALLOC_ZERO;
  int result = -1;

  if (ADD(&envelope, "F", from) < 0 || !stralloc_0(&envelope) || ADD(&envelope, "T", to) < 0 ||
      !stralloc_0(&envelope) || !stralloc_0(&envelope) || intake_open(&q, spool) < 0)
    goto end;
  if (intake_put(&q, text->s, text->len) < 0)
    intake_abort(&q);
  else
    result = intake_finish(&q, envelope.s, envelope.len) ? -1 : 1;
end:
  stralloc_free(&envelope);
  return result;
}

int bounce_send(bounce const *b, char const *spool)
{
  char const *sender = envelope_sender(b->m->envelope.s);
  stralloc text = STRALLOC_ZERO;
  int result = -1;

  if (!strcmp(sender, BOUNCE_DOUBLE) || (b->delayed && !*sender)) return 0;
  if (bounce_write(b, *sender ? sender : "postmaster", &text) == 0)
    result = queue(spool, *sender ? "" : BOUNCE_DOUBLE, *sender ? sender : "postmaster", &text);
  stralloc_free(&text);
  return result;
}
