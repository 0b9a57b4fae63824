#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <runlib/envelope.h>
#include <runlib/spoolname.h>

#include <services/spool/bounce.h>
#include <services/spool/notes.h>
#include <services/spool/result.h>
#include <services/spool/scan.h>
#include <services/spool/sender.h>

#define SECOND 1000000U

/* --- what came of an attempt --------------------------------------------------------------------- */

static void tell(char const *what, char const *name, char const *address, char const *text)
{
  stralloc sa = STRALLOC_ZERO;

  if (stralloc_cats(&sa, what) && !printable(&sa, name) && stralloc_cats(&sa, " <") &&
      !printable(&sa, address) && stralloc_cats(&sa, ">: ") && !note_text(&sa, text) && stralloc_0(&sa))
    strerr_warn(PROG, ": ", sa.s);
  stralloc_free(&sa);
}

/* Who has waited for the whole lifetime has failed: why the last time, stays the reason. */
static void give_up_old(sender const *s, char const *name, uint64_t now, recipient_result *r, unsigned int n)
{
  if (now < spoolname_birth(name) + s->lifetime) return;
  for (unsigned int i = 0; i < n; i++)
    if (r[i].letter == ENVELOPE_REMOTE) r[i].letter = ENVELOPE_FAILED;
}

/* How much the file has already: only failures are noted for ever. */
static int has_room(sender const *s, char const *name)
{
  struct stat st;

  return fstatat(s->notes, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_size < (off_t)NOTES_MAX;
}

/* The reasons are on disk before a recipient is given up. If they cannot be, nobody is. */
static void note_results(sender const *s, attempt const *a, char const *name, uint64_t now,
                         recipient_result *r)
{
  stralloc sa = STRALLOC_ZERO;
  int room = has_room(s, name), failed = 0, done = 0;

  for (unsigned int i = 0; i < a->n && !done; i++)
  {
    failed |= r[i].letter == ENVELOPE_FAILED;
    if (r[i].letter == ENVELOPE_FAILED || (room && r[i].letter == ENVELOPE_REMOTE))
      done = note_add(&sa, now / SECOND, r[i].letter == ENVELOPE_FAILED ? NOTE_FAILED : NOTE_DEFERRED,
                      a->to[i], r[i].text);
  }
  if (!done && sa.len) done = notes_write(s->notes, name, &sa, failed);
  stralloc_free(&sa);
  if (!done) return;
  strerr_warnwusys("write ", s->s.path, "/notes/", name);
  for (unsigned int i = 0; i < a->n; i++)
    if (r[i].letter == ENVELOPE_FAILED) r[i].letter = ENVELOPE_REMOTE;
}

/* Returns how many must wait. */
static unsigned int mark_results(sender *s, attempt *a, char const *name, uint64_t now,
                                 recipient_result const *r)
{
  unsigned int waiting = 0;

  for (unsigned int i = 0; i < a->n; i++)
  {
    int sent = r[i].letter == ENVELOPE_DONE, failed = r[i].letter == ENVELOPE_FAILED;
    tell(sent ? "sent " : failed ? "failed " : "deferred ", name, a->to[i], r[i].text);
    if (sent) counter_rate(s->counters + COUNT_SENT_EVEN, now / SECOND, 1);
    if (sent || failed) message_mark(&a->m, a->marks[i], r[i].letter);
    waiting += !sent && !failed;
  }
  return waiting;
}

/* Once, when it has waited for so long. */
static void warn_sender(sender const *s, attempt const *a, char const *name, uint64_t now)
{
  bounce b = {.m = &a->m,
              .name = name,
              .host = s->s.host,
              .now = now / SECOND,
              .lifetime = s->lifetime / SECOND,
              .delayed = 1};
  stralloc notes = STRALLOC_ZERO;
  char const *text;

  if (!s->warn || now < spoolname_birth(name) + s->warn || notes_read(s->notes, name, &notes) < 0) return;
  b.notes = notes.s;
  if (!note_find(notes.s, NOTE_WARNED, "", &text) && bounce_send(&b, s->s.path) > 0)
  {
    notes.len = 0;
    if (note_add(&notes, b.now, NOTE_WARNED, "", "the sender was told that it takes long") < 0 ||
        notes_write(s->notes, name, &notes, 0) < 0)
      strerr_warnwusys("write ", s->s.path, "/notes/", name);
  }
  stralloc_free(&notes);
}

static void conclude(sender *s, attempt *a)
{
  recipient_result r[ATTEMPT_RECIPIENTS];
  uint64_t now = scan_now(), due = 0;
  uint32_t p = a->parcel;
  char name[SPOOLNAME_FMT];
  health h = results_read(a->report.s, a->report.len, r, a->n);

  strcpy(name, schedule_parcel(&s->schedule, p)->name);
  give_up_old(s, name, now, r, a->n);
  note_results(s, a, name, now, r);
  if (mark_results(s, a, name, now, r))
  {
    due = schedule_retry(spoolname_birth(name), now, s->schedule.pause, (uint32_t)now);
    futimens(a->m.fd, 0);
    warn_sender(s, a, name, now);
  }
  else if (attempt_left(a, schedule_host(&s->schedule, p)))
    due = now;
  attempt_end(a);
  schedule_done(&s->schedule, p, h, now, due);
  if (!due) outgoing_add(s, name, now);
}

void sending_read(sender *s, attempt *a)
{
  if (attempt_read(a) || scan_now() > a->begun + (uint64_t)ATTEMPT_SECONDS * SECOND) conclude(s, a);
}

/* --- beginning ----------------------------------------------------------------------------------- */

static attempt *free_place(sender *s)
{
  attempt *a = s->attempts;

  while (a->parcel != SCHEDULE_NONE) a++;
  return a;
}

/* What lacks is remote, or something of the system: nothing else would do better now. */
static void pause_all(sender *s, uint64_t now, char const *name)
{
  int away = errno == EHOSTDOWN;

  s->again = now + SECOND;
  if (away && s->away) return;
  s->away = away;
  if (away)
    strerr_warnw("nobody serves ", s->socket, ": mail to other hosts waits");
  else
    strerr_warnwusys("try ", name);
}

static void begin(sender *s, uint32_t p, uint64_t now)
{
  attempt *a = free_place(s);
  char name[SPOOLNAME_FMT];
  int begun;

  strcpy(name, schedule_parcel(&s->schedule, p)->name);
  begun = attempt_begin(a, s->remote, name, schedule_host(&s->schedule, p), s->socket);
  if (begun > 0)
  {
    if (s->away) strerr_warni("somebody serves ", s->socket, " again");
    s->away = 0;
    a->parcel = p;
    a->begun = now;
    return;
  }
  if (begun < 0) pause_all(s, now, name);
  schedule_done(&s->schedule, p, HEALTH_UNKNOWN, now, begun < 0 ? now : 0);
  if (!begun) outgoing_add(s, name, now);
}

void sending_begin(sender *s, uint64_t now)
{
  uint32_t p;

  while (now >= s->again && (p = schedule_next(&s->schedule, now)) != SCHEDULE_NONE) begin(s, p, now);
}
