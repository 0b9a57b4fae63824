#include <string.h>

#include <skalibs/strerr.h>

#include <services/spool/handoff.h>
#include <services/spool/notes.h>
#include <services/spool/report.h>

#include "deliver-internal.h"

/* Said once, when the sender is told: each pass over a message finds the same out again. */
static void say_failed(job const *j)
{
  char const *s = j->why.s;

  for (size_t left = j->why.len; left;)
  {
    char const *end = memchr(s, '\n', left), *text = memchr(s, '<', left);
    stralloc sa = STRALLOC_ZERO;
    if (stralloc_catb(&sa, text, (size_t)(end - text)) && stralloc_0(&sa))
    {
      char *angle = strstr(sa.s, "> ");
      strerr_warn(PROG, ": failed ", j->name, " ", angle ? (*angle = 0, sa.s) : sa.s, angle ? ">: " : "",
                  angle ? angle + 2 : "");
    }
    stralloc_free(&sa);
    left -= (size_t)(end + 1 - s);
    s = end + 1;
  }
}

static void mark_failed(job *j, int on_disk)
{
  size_t pos = 0;
  recipient r;

  while (envelope_next(j->m.envelope.s, j->m.envelope.len, &pos, &r))
    if (j->m.envelope.s[r.mark] == DELIVER_REFUSED)
    {
      if (on_disk) message_mark(&j->m, r.mark, ENVELOPE_FAILED);
      j->m.envelope.s[r.mark] = ENVELOPE_FAILED;
    }
}

/* Where nothing goes out, a sender elsewhere cannot be told. */
static int reachable(spool const *s, char const *sender)
{
  char host[256];

  return host_of(sender, host) < 0 || mapping_local(&s->map, host);
}

static int report(spool *s, job *j)
{
  int told = stralloc_0(&j->why) ? 1 : -1;

  mark_failed(j, 0);
  if (told > 0 && !reachable(s, envelope_sender(j->m.envelope.s)))
    told = report_aside(s, &j->m, j->name, j->why.s) < 0 ? -1 : 0;
  else if (told > 0)
    told = report_failure(s, &j->m, j->name, j->why.s);
  j->why.len--;
  if (told) return told < 0 ? -1 : 0;
  s->kept.files++;
  s->kept.bytes += j->m.len + j->why.len;
  return 0;
}

/*
 * Nobody waits, and some are refused: their sender is told, by spool-send where there is one, which knows whether others of
 * the message failed elsewhere. Before it, the reasons and then the marks are on disk.
 */
void settle_refused(spool *s, job *j)
{
  if (j->left || j->deferred || !j->refused) return;
  if (s->out ? notes_write(s->notes, j->name, &j->why, 1) < 0 : report(s, j) < 0)
  {
    strerr_warnwusys("report the failure of ", j->name);
    j->deferred = 1;
    return;
  }
  say_failed(j);
  if (!s->out) return;
  mark_failed(j, 1);
  j->out = j->failed = 1;
}
