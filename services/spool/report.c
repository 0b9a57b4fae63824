#include <string.h>

#include <skalibs/strerr.h>

#include <runlib/envelope.h>
#include <runlib/mailbox.h>

#include <services/spool/bounce.h>
#include <services/spool/notes.h>
#include <services/spool/report.h>
#include <services/spool/scan.h>

int report_aside(spool const *s, message *m, char const *name, char const *notes)
{
  stralloc why = STRALLOC_ZERO;
  size_t pos = 0;
  recipient r;
  int result = 0;

  while (!result && envelope_next(m->envelope.s, m->envelope.len, &pos, &r))
  {
    char const *text = "";
    size_t n;
    if (m->envelope.s[r.mark] != ENVELOPE_FAILED) continue;
    m->envelope.s[r.mark] = DELIVER_REFUSED;
    n = note_find(notes, NOTE_FAILED, r.address, &text);
    if (!stralloc_cats(&why, "X-Spool-Failed: <") || mailbox_address(&why, r.address) < 0 ||
        !stralloc_cats(&why, ">: ") || !stralloc_catb(&why, text, n) || !stralloc_cats(&why, "\n"))
      result = -1;
  }
  if (!result) result = failed_message(s, name, m, &why);
  stralloc_free(&why);
  return result;
}

int report_failure(spool const *s, message *m, char const *name, char const *notes)
{
  bounce b = {.m = m, .name = name, .host = s->host, .notes = notes, .now = scan_now() / 1000000};
  int told = bounce_send(&b, s->path);

  if (told > 0) strerr_warn(PROG, ": bounced ", name);
  if (told) return told;
  if (report_aside(s, m, name, notes) < 0) return -1;
  strerr_warn(PROG, ": put aside ", name, ": a report that its sender could not be told");
  return 0;
}
